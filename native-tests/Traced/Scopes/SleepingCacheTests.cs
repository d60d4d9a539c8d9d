using SpanHeap.Tests.Support;
using SpanHeap.Traced;

namespace SpanHeap.Tests.Traced.Scopes;

/// <summary>What the caches of sleeping threads have is taken back without their help.</summary>
[Unguarded("a guarded block has a span of its own")]
public sealed class SleepingCacheTests
{
    private const int Threads = 12;

    [Fact]
    public void After_a_refusal_the_next_collection_takes_back_what_sleeping_threads_have()
    {
        using TracedHeap heap = new(new TracedHeapOptions { MinimumBytes = nuint.MaxValue >> 2, MemoryLimit = 4 << 20 });
        StressWorker[] threads = Use(heap);
        Assert.InRange(heap.GetStatistics().Spans, Threads, int.MaxValue);
        Assert.Throws<OutOfMemoryException>(() =>
        {
            using TracedScope scope = heap.Enter();
            scope.NewValues<byte>(8 << 20);
        });
        heap.Enter().Dispose();
        Assert.Equal(1, heap.GetStatistics().Collections);
        heap.Parts.Sweeper.SweepAll();
        heap.Parts.Sweeper.WaitForOthers();
        Assert.Equal(0, heap.GetStatistics().Spans);
        Array.ForEach(threads, static thread => thread.Dispose());
        heap.Verify();
    }

    [Fact]
    public void Other_collections_take_it_back_one_later()
    {
        using TracedHeap heap = new(new TracedHeapOptions { MinimumBytes = nuint.MaxValue >> 2 });
        StressWorker[] threads = Use(heap);
        for (int i = 0; i < 2; i++)
        {
            heap.Parts.Pacer.RequestCycle();
            heap.Enter().Dispose();
        }

        heap.Parts.Sweeper.SweepAll();
        heap.Parts.Sweeper.WaitForOthers();
        Assert.Equal((2, 0), (heap.GetStatistics().Collections, heap.GetStatistics().Spans));
        Array.ForEach(threads, static thread => thread.Dispose());
        heap.Verify();
    }

    // Threads that have made a block each and sleep.
    private static StressWorker[] Use(TracedHeap heap)
    {
        StressWorker[] threads = [.. Enumerable.Range(0, Threads).Select(static _ => new StressWorker())];
        Array.ForEach(threads, thread => thread.Do(() =>
        {
            using TracedScope scope = heap.Enter();
            scope.New<Node>();
        }));
        return threads;
    }
}
