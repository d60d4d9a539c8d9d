using SpanHeap.Tests.Support;
using SpanHeap.Traced;
using SpanHeap.Traced.Collecting;

namespace SpanHeap.Tests.Traced.Collecting;

/// <summary>What traced heaps need while no thread uses them is done outside of the pool, and only while there is something to do.</summary>
public sealed class TracingThreadTests
{
    private const int Blocks = 10_000;

    [Fact]
    public void Garbage_is_collected_and_swept_while_all_threads_of_the_pool_wait()
    {
        ChildProgram.Result result = ChildProgram.Run(LeaveAloneWithAStarvedPool);
        Assert.Equal((0, "swept"), (result.ExitCode, result.Output.Trim()));
    }

    [Fact]
    public void A_heap_is_looked_at_only_while_something_was_made_since_the_last_collection()
    {
        using TracedHeap heap = Restless();
        IdleCollection idle = heap.Parts.Idle!;
        Assert.False(idle.IsQueued);

        MakeGarbage(heap);
        Assert.True(idle.IsQueued);

        StressWait.Until(() => heap.LastCollection?.Reason == CollectionReason.Idle && !idle.IsQueued, static () => "the heap is visited forever");
        MakeGarbage(heap);
        StressWait.Until(() => heap.LastCollection!.Number == 2, static () => "no thread visits the heap again");
    }

    [Fact]
    public void A_heap_that_a_scope_keeps_from_being_collected_is_tried_less_and_less_often()
    {
        const int Doublings = 5;
        using TracedHeap heap = TracedHeaps.Still();
        using IdleCollection idle = new(heap.Parts.Collector, TimeSpan.FromHours(2));
        using TracedScope scope = heap.Enter();
        MakeGarbage(heap);
        long[] hours = new long[20];
        for (int i = 0; i < hours.Length; i++)
        {
            idle.Visit();
            hours[i] = (idle.Due - Environment.TickCount64 + 60_000) / 3_600_000;
        }

        Assert.Equal([1, 1, 2, 2, 4, 4, 8], hours[..7]);
        Assert.Equal(1 << Doublings, hours[^1]);
    }

    [Fact]
    public void A_round_of_sweeping_ends_before_all_is_swept_and_the_next_goes_on()
    {
        using TracedHeap heap = TracedHeaps.Still();
        BackgroundSweeper background = heap.Parts.Collector.Background;
        for (int i = 0; i < 60; i++)
        {
            MakeGarbage(heap);
        }

        background.Pause();
        heap.Collect();
        background.Resume();

        StressWait.Until(() => heap.Parts.Sweeper.IsDone, static () => "no thread sweeps");
        Assert.Equal(60 * Blocks, heap.Parts.Statistics.SmallBlocksFreed);
    }

    [Fact]
    public void A_heap_that_is_never_disposed_is_forgotten()
    {
        WeakReference heap = Drop();
        StressWait.Until(
            () =>
            {
                GC.Collect();
                return !heap.IsAlive;
            },
            static () => "the heap is still referred to");
    }

    private static WeakReference Drop()
    {
        TracedHeap heap = Restless();
        MakeGarbage(heap);
        heap.Collect();
        MakeGarbage(heap);
        return new WeakReference(heap.Parts.Collector);
    }

    private static TracedHeap Restless() => new(new TracedHeapOptions { IdleDelay = TimeSpan.FromMilliseconds(10) });

    private static void MakeGarbage(TracedHeap heap)
    {
        using TracedScope scope = heap.Enter();
        for (int i = 0; i < Blocks; i++)
        {
            scope.New<Node>();
        }
    }

    private static void LeaveAloneWithAStarvedPool()
    {
        using ManualResetEventSlim end = new();
        StarvedPool.Begin(end);
        using TracedHeap heap = Restless();
        MakeGarbage(heap);

        // The pool's own work never comes before the items that wait.
        bool swept = SpinWait.SpinUntil(
            () => heap.LastCollection?.Reason == CollectionReason.Idle && heap.Parts.Sweeper.IsDone && heap.GetStatistics().SpansSweptInBackground > 0,
            TimeSpan.FromSeconds(20));
        Console.WriteLine(swept ? "swept" : "left");
        end.Set();
    }
}
