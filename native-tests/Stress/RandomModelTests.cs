using SpanHeap.Tests.Support;
using Xunit.Abstractions;

namespace SpanHeap.Tests.Stress;

/// <summary>Ten million random operations and more, against an oracle.</summary>
[Unguarded("it makes millions of blocks, some microseconds each", Samples = true)]
public sealed class RandomModelTests(ITestOutputHelper output)
{
    // A number here repeats a run (with one thread, exactly).
    private const string SeedVariable = "SPANHEAP_TEST_SEED";

    [Theory]
    [InlineData(HeapChecks.Standard, 1, 4_000_000)]
    [InlineData(HeapChecks.Standard, 4, 4_000_000)]
    [InlineData(HeapChecks.Full, 1, 1_200_000)]
    [InlineData(HeapChecks.Full, 4, 1_200_000)]
    public void Random_operations_agree_with_the_oracle(HeapChecks checks, int threads, int operations)
    {
        const int Phases = 8;
        using NativeHeap heap = StressHeap.Still(checks);
        new ModelRun(heap, Seed(), threads).Run(Phases, operations / threads / Phases, compare: true);
        heap.Verify();
        Assert.Equal(0, heap.GetStatistics().LiveBlocks);
    }

    [Theory]
    [InlineData(HeapChecks.Standard)]
    [InlineData(HeapChecks.Full)]
    public void Random_operations_agree_with_the_oracle_while_the_timer_takes_memory_back(HeapChecks checks)
    {
        using NativeHeap heap = StressHeap.Restless(delayMilliseconds: 4, checks);
        new ModelRun(heap, Seed(), threads: 4).Run(phases: 4, operationsPerPhase: 60_000, compare: false);
        heap.Trim();
        StressHeap.WaitUntilEmpty(heap);
        heap.Verify();
        Assert.Equal(0, heap.GetStatistics().LiveBlocks);
    }

    private ulong Seed()
    {
        ulong seed = ulong.TryParse(Environment.GetEnvironmentVariable(SeedVariable), out ulong given) ? given : (ulong)Random.Shared.NextInt64();
        output.WriteLine($"seed: {SeedVariable}={seed}");
        return seed;
    }
}
