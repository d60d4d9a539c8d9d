using System.Runtime.CompilerServices;
using SpanHeap.Tests.Support;
using SpanHeap.Traced;

namespace SpanHeap.Tests.Traced.Collecting;

/// <summary>A collection that the program asks for and that marks on the calling thread while others go on.</summary>
[Unguarded("how much is made until a collection is due depends on the size of blocks")]
public sealed class ConcurrentCollectTests
{
    private static readonly TimeSpan s_shortWait = TimeSpan.FromMilliseconds(50);

    [Fact]
    public void It_finds_all_that_is_unreachable_when_it_is_called()
    {
        using TracedHeap heap = ConcurrentHeaps.MakeStill();
        using TracedRoots<Node> roots = heap.CreateRoots<Node>(1);
        for (int i = 0; i < 20; i++)
        {
            using (TracedScope scope = heap.Enter())
            {
                ConcurrentHeaps.MakeList(scope, roots, 5000);
                roots.Clear(scope, 0, 1);
                ConcurrentHeaps.MakeList(scope, roots, 100);
            }

            heap.CollectAndSweep();
            Assert.Equal((100L, 0L), TracedCensus.Take(heap));
            Assert.Equal((true, CollectionReason.Induced), (heap.LastCollection!.IsConcurrent, heap.LastCollection.Reason));
        }
    }

    [Fact]
    public void It_leaves_what_a_collection_leaves_that_keeps_threads_out()
    {
        using TracedHeap heap = ConcurrentHeaps.MakeStill();
        using TracedHeap other = TracedHeaps.Still();
        (TracedStatistics own, int ownRuns) = LeftBy(heap);
        (TracedStatistics expected, int runs) = LeftBy(other);
        Assert.Equal(
            (runs, expected.LiveBytes, expected.GoalBytes, expected.Spans, expected.Pages, expected.WeakHandlesCleared, expected.SmallBlocksFreed, expected.LargeBlocksFreed),
            (ownRuns, own.LiveBytes, own.GoalBytes, own.Spans, own.Pages, own.WeakHandlesCleared, own.SmallBlocksFreed, own.LargeBlocksFreed));
    }

    [Fact]
    public void A_heap_that_collects_only_when_it_is_asked_to_marks_while_threads_go_on_too()
    {
        using TracedHeap heap = new(new TracedHeapOptions { Priority = CollectionPriority.Latency, ManualOnly = true, MinimumBytes = ConcurrentHeaps.Minimum });
        ConcurrentHeaps.MakeGarbage(heap, 100_000);
        heap.CollectAndSweep();
        Assert.True(heap.LastCollection!.IsConcurrent);
        Assert.Equal((0L, 0L), TracedCensus.Take(heap));
    }

    [Fact]
    public void Near_a_limit_it_keeps_threads_out()
    {
        using TracedHeap heap = new(new TracedHeapOptions { Priority = CollectionPriority.Latency, MemoryLimit = 8 << 20 });
        ConcurrentHeaps.MakeGarbage(heap, 1000);
        heap.Collect();
        Assert.False(heap.LastCollection!.IsConcurrent);
    }

    [Fact]
    public void A_heap_with_collectable_blocks_is_marked_while_threads_are_kept_out()
    {
        using TracedHeap heap = ConcurrentHeaps.MakeStill();
        using (TracedScope scope = heap.Enter())
        {
            scope.NewCollectable(64);
        }

        heap.Collect();
        Assert.False(heap.LastCollection!.IsConcurrent);
    }

    [Fact]
    public void It_waits_for_one_that_is_under_way_and_does_not_hurry_it()
    {
        using TracedHeap heap = ConcurrentHeaps.MakeStill();
        Thread stays = StartStaying(heap, out Action leave);
        long before = heap.GetStatistics().Collections;
        Thread collects = new(heap.Collect);
        collects.Start();
        Assert.True(SpinWait.SpinUntil(() => heap.Parts.Turn.IsWanted, ConcurrentHeaps.Longest));
        Assert.False(heap.Parts.Turn.IsUrgent);
        Thread inspects = new(heap.Parts.Collector.AwaitEnd);
        inspects.Start();
        Assert.True(SpinWait.SpinUntil(() => heap.Parts.Turn.IsUrgent, ConcurrentHeaps.Longest));
        leave();
        stays.Join();
        collects.Join();
        inspects.Join();

        Assert.Equal((CollectionReason.Induced, true, before + 2), (heap.LastCollection!.Reason, heap.LastCollection.IsConcurrent, heap.LastCollection.Number));
        Assert.False(heap.Parts.Turn.IsWanted || heap.Parts.Turn.IsUrgent);
        heap.CollectAndSweep();
        Assert.Equal((0L, 0L), TracedCensus.Take(heap));
    }

    [Fact]
    public void Eight_threads_collect_at_once()
    {
        using TracedHeap heap = ConcurrentHeaps.MakeStill();
        StressThreads.Run(
            8,
            _ =>
            {
                for (int i = 0; i < 10; i++)
                {
                    ConcurrentHeaps.MakeGarbage(heap, 1000);
                    heap.Collect();
                }
            });
        Assert.Equal(80, heap.GetStatistics().Collections);
        heap.CollectAndSweep();
        Assert.Equal((0L, 0L), TracedCensus.Take(heap));
    }

    [Fact]
    public void A_clean_up_may_call_it()
    {
        using TracedHeap heap = ConcurrentHeaps.MakeStill();
        int runs = 0;
        using (TracedScope scope = heap.Enter())
        {
            scope.OnDead(
                scope.New<Node>(),
                _ =>
                {
                    heap.Collect();
                    Interlocked.Increment(ref runs);
                },
                0);
        }

        heap.Collect();
        heap.RunCleanUps();
        Assert.Equal((1, 2L), (runs, heap.GetStatistics().Collections));
        heap.Verify();
    }

    [Fact]
    public void A_scope_that_keeps_it_from_ending_is_named_and_a_thread_of_the_library_waits_for_it_instead()
    {
        using TracedHeap heap = ConcurrentHeaps.MakeStill();
        heap.Parts.Collector.LongestWait = s_shortWait;
        using TracedRoots<Node> roots = heap.CreateRoots<Node>(1);
        using (TracedScope scope = heap.Enter())
        {
            ConcurrentHeaps.MakeList(scope, roots, 300_000);
        }

        using ManualResetEventSlim inScope = new();
        bool leaves = false;
        Thread stays = new(() => ConcurrentHeaps.StayOnceItMarks(heap, inScope, ref leaves));
        stays.Start();
        TimeoutException? error = null;
        while (error == null || !inScope.IsSet)
        {
            error = (TimeoutException?)Record.Exception(heap.Collect);
        }

        Assert.Contains($"thread {stays.ManagedThreadId} is in a scope", error.Message, StringComparison.Ordinal);
        Assert.True(heap.Parts.Concurrent!.IsUnderWay);
        long before = heap.GetStatistics().Collections;

        // All others go on.
        ConcurrentHeaps.MakeGarbage(heap, 10_000);
        Assert.Throws<TimeoutException>(heap.Collect);
        Assert.Throws<TimeoutException>(heap.Verify);
        Assert.Throws<TimeoutException>(heap.FinishSweeping);

        Volatile.Write(ref leaves, true);
        stays.Join();
        Assert.True(SpinWait.SpinUntil(() => !heap.Parts.Concurrent.IsUnderWay, ConcurrentHeaps.Longest));
        Assert.Equal((CollectionReason.Induced, true, before + 1), (heap.LastCollection!.Reason, heap.LastCollection.IsConcurrent, heap.LastCollection.Number));
        heap.Parts.Collector.LongestWait = ConcurrentHeaps.Longest;
        heap.CollectAndSweep();
        Assert.Equal((300_000L, 0L), TracedCensus.Take(heap));
    }

    [Fact]
    public void A_heap_may_be_disposed_after_a_thread_has_given_up_waiting_for_its_end()
    {
        TracedHeap heap = ConcurrentHeaps.MakeStill();
        Thread stays = StartStaying(heap, out Action leave);
        heap.Parts.Collector.LongestWait = s_shortWait;
        Assert.Throws<TimeoutException>(heap.Collect);
        leave();
        stays.Join();
        heap.Parts.Collector.LongestWait = ConcurrentHeaps.Longest;
        heap.Dispose();
        Assert.Equal((false, false), (heap.Parts.Concurrent!.IsUnderWay, heap.Parts.Shading.IsOn));
    }

    [Fact]
    public void A_thread_may_be_interrupted_while_it_waits_for_the_end()
    {
        using TracedHeap heap = ConcurrentHeaps.MakeStill();
        using TracedRoots<Node> roots = heap.CreateRoots<Node>(1);
        using (TracedScope scope = heap.Enter())
        {
            ConcurrentHeaps.MakeList(scope, roots, 300_000);
        }

        using ManualResetEventSlim inScope = new();
        bool leaves = false;
        Thread stays = new(() => ConcurrentHeaps.StayOnceItMarks(heap, inScope, ref leaves));
        Exception? error = null;
        Thread collects = new(() =>
        {
            while (error == null)
            {
                error = Record.Exception(heap.Collect);
            }
        });
        stays.Start();
        collects.Start();
        inScope.Wait();
        collects.Interrupt();
        collects.Join();
        Assert.IsType<ThreadInterruptedException>(error);
        Volatile.Write(ref leaves, true);
        stays.Join();
        heap.CollectAndSweep();
        Assert.Equal((300_000L, 0L), TracedCensus.Take(heap));
    }

    [Fact]
    public void One_that_finds_a_fault_changes_nothing()
    {
        using TracedHeap heap = new(new TracedHeapOptions { Priority = CollectionPriority.Latency, AuditStores = true });
        TracedHandle<Node> kept;
        using (TracedScope scope = heap.Enter())
        {
            TracedRef<Node> node = scope.New<Node>();
            kept = scope.Keep(node);
            Volatile.Write(ref node.Value.Left.Address, scope.New<Node>().Address);
        }

        Assert.Throws<HeapCorruptionException>(heap.Collect);
        Assert.False(heap.Parts.Concurrent!.IsUnderWay || heap.Parts.Shading.IsOn || heap.Parts.Gate.IsClosed);
        heap.Verify();
        using (TracedScope scope = heap.Enter())
        {
            kept.Get(scope).Value.Left.Set(scope, scope.Null<Node>());
        }

        heap.CollectAndSweep();
        Assert.Equal((1L, 0L), TracedCensus.Take(heap));
    }

    // Makes a heap's garbage with weak handles and clean-ups, collects, and sweeps.
    private static (TracedStatistics Left, int Runs) LeftBy(TracedHeap heap)
    {
        int runs = 0;
        using TracedRoots<Node> roots = heap.CreateRoots<Node>(1);
        using (TracedScope scope = heap.Enter())
        {
            ConcurrentHeaps.MakeList(scope, roots, 10_000);
            for (int i = 0; i < 1000; i++)
            {
                TracedRef<Node> node = scope.New<Node>();
                scope.KeepWeak(node);
                scope.OnDead(node, _ => Interlocked.Increment(ref runs), 0);
            }

            scope.NewArray<Node>(100_000);
        }

        heap.CollectAndSweep();
        heap.RunCleanUps();
        return (heap.GetStatistics(), runs);
    }

    // Begins a collection on a thread of the library, which cannot end before the thread leaves its scope.
    private static Thread StartStaying(TracedHeap heap, out Action leave)
    {
        using ManualResetEventSlim inScope = new();
        StrongBox<bool> leaves = new();
        Thread stays = new(() => ConcurrentHeaps.StayOnceItMarks(heap, inScope, ref leaves.Value));
        stays.Start();
        while (!inScope.IsSet)
        {
            heap.Parts.Concurrent!.TryBegin(CollectionReason.Idle);
        }

        leave = () => Volatile.Write(ref leaves.Value, true);
        return stays;
    }
}
