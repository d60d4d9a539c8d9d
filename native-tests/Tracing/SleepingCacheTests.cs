using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Tracing;

/// <summary>What the caches of sleeping threads have is taken back without their help.</summary>
[Unguarded("a guarded block has a span of its own")]
public sealed class SleepingCacheTests
{
    private const int Threads = 12;

    [Fact]
    public void After_a_refusal_the_next_collection_takes_back_what_sleeping_threads_have()
    {
        using NativeHeap heap = new(new NativeHeapOptions { Traced = true, TracedMinimum = nuint.MaxValue >> 2, MemoryLimit = 4 << 20 });
        StressWorker[] threads = Use(heap);
        Assert.InRange(heap.GetTracedStatistics().Spans, Threads, int.MaxValue);
        Assert.Throws<OutOfMemoryException>(() =>
        {
            using GcScope scope = heap.Enter();
            scope.NewValues<byte>(8 << 20);
        });
        heap.Enter().Dispose();
        Assert.Equal(1, heap.GetTracedStatistics().Collections);
        heap.Traced.Sweeper.SweepAll();
        heap.Traced.Sweeper.WaitForOthers();
        Assert.Equal(0, heap.GetTracedStatistics().Spans);
        Array.ForEach(threads, static thread => thread.Dispose());
        heap.Verify();
    }

    [Fact]
    public void Other_collections_take_it_back_one_later()
    {
        using NativeHeap heap = new(new NativeHeapOptions { Traced = true, TracedMinimum = nuint.MaxValue >> 2 });
        StressWorker[] threads = Use(heap);
        for (int i = 0; i < 2; i++)
        {
            heap.Traced.Pacer.RequestCycle();
            heap.Enter().Dispose();
        }

        heap.Traced.Sweeper.SweepAll();
        heap.Traced.Sweeper.WaitForOthers();
        Assert.Equal((2, 0), (heap.GetTracedStatistics().Collections, heap.GetTracedStatistics().Spans));
        Array.ForEach(threads, static thread => thread.Dispose());
        heap.Verify();
    }

    // Threads that have made a block each and sleep.
    private static StressWorker[] Use(NativeHeap heap)
    {
        StressWorker[] threads = [.. Enumerable.Range(0, Threads).Select(static _ => new StressWorker())];
        Array.ForEach(threads, thread => thread.Do(() =>
        {
            using GcScope scope = heap.Enter();
            scope.New<Node>();
        }));
        return threads;
    }
}
