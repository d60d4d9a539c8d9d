using SpanHeap.Tests.Support;
using SpanHeap.Traced;
using Xunit.Abstractions;

namespace SpanHeap.Tests.Traced;

[Unguarded("it makes millions of blocks, some microseconds each", Samples = true)]
public sealed class RandomGraphTests(ITestOutputHelper output)
{
    private const int Threads = 4;

    [Theory]
    [InlineData(HeapChecks.Standard, 1, 10, 40_000)]
    [InlineData(HeapChecks.Standard, 2, 10, 40_000)]
    [InlineData(HeapChecks.Full, 3, 2, 10_000)]
    public void What_is_reachable_stays_and_exactly_the_rest_goes(HeapChecks checks, int seed, int rounds, int operations)
    {
        output.WriteLine($"seed {seed}");
        using TracedHeap heap = TracedHeaps.Still(checks);
        ShadowGraph[] graphs = Make(heap, seed);
        for (int round = 0; round < rounds; round++)
        {
            // Threads die after each round, and the graphs go to others.
            int shift = round;
            StressThreads.Run(Threads, number => graphs[(number + shift) % Threads].Churn(operations, scopesPerCollection: 150));
            long live = AssertExact(heap, graphs);
            Assert.Equal(graphs.Sum(static g => g.SmallMade), heap.Parts.Statistics.SmallBlocksFreed + live);
            Assert.Equal(graphs.Sum(static g => g.LargeMade), heap.Parts.Statistics.LargeBlocksFreed);
        }

        AssertEmptyAtLast(heap, graphs);
    }

    [Theory]
    [InlineData(1 << 20, false, false, 11)]
    [InlineData(1 << 16, false, false, 12)]
    [InlineData(1 << 20, true, false, 13)]
    [InlineData(1 << 16, true, false, 14)]
    [InlineData(1 << 20, false, true, 15)]
    [InlineData(1 << 16, false, true, 16)]
    [InlineData(1 << 16, true, true, 17)]
    public void Collections_that_come_by_themselves_take_nothing_that_is_reachable(int minimum, bool generational, bool concurrent, int seed)
    {
        output.WriteLine($"seed {seed}");
        using TracedHeap heap = new(new TracedHeapOptions
        {
            MinimumBytes = (nuint)minimum,
            Generational = generational,
            Priority = concurrent ? CollectionPriority.Latency : CollectionPriority.Throughput,
            VerifyMarking = generational || concurrent,
        });
        ShadowEntries[] entries = [.. Enumerable.Range(0, Threads).Select(_ => new ShadowEntries(heap))];
        ShadowGraph[] graphs = Make(heap, seed, entries);
        for (int round = 0; round < 6; round++)
        {
            StressThreads.Run(Threads, number => graphs[number].Churn(40_000, scopesPerCollection: 5000));
            AssertExact(heap, graphs);
        }

        Assert.InRange(heap.Parts.Collector.Cycles, 10, long.MaxValue);
        Assert.Equal(heap.Parts.HasMinors, heap.Parts.Collector.MinorCycles > 0);
        Array.ForEach(entries, static own => own.Drop());
        AssertEmptyAtLast(heap, graphs);
    }

    private static ShadowGraph[] Make(TracedHeap heap, int seed, ShadowEntries[]? entries = null) =>
        [.. Enumerable.Range(0, Threads).Select(i => new ShadowGraph(heap, (ulong)((seed * 100) + i), entries?[i]))];

    private static long AssertExact(TracedHeap heap, ShadowGraph[] graphs)
    {
        heap.CollectAndSweep();
        long live = graphs.Sum(static graph => graph.CountReachable());
        heap.CollectAndSweep();
        (long small, long large) = TracedCensus.Take(heap);
        Assert.Equal(live, small + large);
        return live;
    }

    private static void AssertEmptyAtLast(TracedHeap heap, ShadowGraph[] graphs)
    {
        Array.ForEach(graphs, static graph => graph.DropAll());
        heap.CollectAndSweep();
        Assert.Equal((0L, 0L), TracedCensus.Take(heap));

        // What full checks keep back.
        heap.Trim();
        Assert.Equal((0, 0), (heap.Parts.Spans.Count, heap.Parts.Roots.Count));
        Assert.Equal(0, heap.Native.GetStatistics().PagesOfProgram());
    }
}
