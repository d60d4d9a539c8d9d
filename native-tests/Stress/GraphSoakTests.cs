using System.Globalization;
using SpanHeap.Tests.Support;
using SpanHeap.Tests.Traced;
using SpanHeap.Traced;
using Xunit.Abstractions;

namespace SpanHeap.Tests.Stress;

/// <summary>
/// Random graphs of several threads, with values that blocks have as weak keys, in a heap that is collected without pause: nothing that can be reached is ever lost. For some millions of operations in
/// the suite; for as many millions as <c>SPANHEAP_SOAK_MILLIONS</c> says for each configuration:
/// <c>SPANHEAP_SOAK_MILLIONS=250 dotnet test -c Release native-tests/native-tests.csproj --filter GraphSoakTests</c>.
/// </summary>
[Unguarded("it makes millions of blocks, some microseconds each", Samples = true)]
public sealed class GraphSoakTests(ITestOutputHelper output)
{
    private const string Variable = "SPANHEAP_SOAK_MILLIONS";
    private const int Threads = 4;

    // Between two looks at everything.
    private const int OperationsPerSlice = 250_000;

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public void Collections_back_to_back_lose_nothing_that_can_be_reached(bool generational, bool concurrent)
    {
        int millions = int.TryParse(Environment.GetEnvironmentVariable(Variable), CultureInfo.InvariantCulture, out int asked) ? asked : 13;
        int seed = Environment.TickCount & 0xFFFF;
        output.WriteLine($"seed {seed}");
        using TracedHeap heap = new(new TracedHeapOptions { MinimumBytes = 64 << 10, Generational = generational, Priority = concurrent ? CollectionPriority.Latency : CollectionPriority.Throughput });
        ShadowGraph[] graphs = [.. Enumerable.Range(0, Threads).Select(number => new ShadowGraph(heap, (ulong)((seed * Threads) + number), new ShadowEntries(heap)))];
        for (long done = 0; done < millions * 1_000_000L; done += Threads * OperationsPerSlice)
        {
            // Threads die after each slice, and the graphs go to others.
            StressThreads.Run(Threads, number => graphs[number].Churn(OperationsPerSlice, scopesPerCollection: 50_000));
            heap.CollectAndSweep();
            long live = graphs.Sum(static graph => (long)graph.CountReachable());
            (long small, long large) = TracedCensus.Take(heap);
            Assert.Equal(live, small + large);
        }

        output.WriteLine($"{millions} million operations, {heap.GetStatistics().Collections} collections, {heap.GetStatistics().MinorCollections} of them minor");
    }
}
