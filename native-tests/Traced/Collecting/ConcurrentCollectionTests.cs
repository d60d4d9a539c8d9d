using SpanHeap.Tests.Support;
using SpanHeap.Traced;

namespace SpanHeap.Tests.Traced.Collecting;

/// <summary>Which collections mark on a thread of the library while the program's threads go on, and what they take.</summary>
[Unguarded("how much is made until a collection is due depends on the size of blocks")]
public sealed class ConcurrentCollectionTests
{
    [Fact]
    public void A_collection_that_is_due_because_of_growth_is_concurrent()
    {
        using TracedHeap heap = ConcurrentHeaps.Make();
        ConcurrentHeaps.MakeUntilCollected(heap);

        Assert.Equal((true, false, CollectionReason.Growth), (heap.LastCollection!.IsConcurrent, heap.LastCollection.IsMinor, heap.LastCollection.Reason));
        heap.FinishSweeping();
        Assert.InRange(heap.GetStatistics().SmallBlocksFreed, 1, long.MaxValue);
        heap.Verify();
    }

    [Fact]
    public void A_heap_at_its_limit_collects_what_died_while_it_was_marked()
    {
        const int Limit = 8 << 20;
        using TracedHeap heap = new(new TracedHeapOptions { Priority = CollectionPriority.Latency, MinimumBytes = ConcurrentHeaps.Minimum, MemoryLimit = Limit });
        for (int i = 0; i < 20_000; i++)
        {
            ConcurrentHeaps.MakeGarbage(heap, 100);
        }

        Assert.InRange(heap.GetStatistics().Collections, 2, long.MaxValue);
        heap.Verify();
    }

    [Fact]
    public void An_idle_heap_is_collected_as_a_whole()
    {
        using TracedHeap heap = new(new TracedHeapOptions { Priority = CollectionPriority.Latency, IdleDelay = TimeSpan.FromMilliseconds(50) });
        ConcurrentHeaps.MakeGarbage(heap, 20_000);
        Assert.True(SpinWait.SpinUntil(() => heap.LastCollection is { Reason: CollectionReason.Idle, IsConcurrent: true, BytesAfter: 0 }, ConcurrentHeaps.Longest));
        heap.Verify();
    }

    [Fact]
    public void A_heap_under_stress_collects_at_each_scope_and_not_later()
    {
        using TracedHeap heap = new(new TracedHeapOptions { Priority = CollectionPriority.Latency, Stress = true });
        for (int i = 1; i <= 5; i++)
        {
            ConcurrentHeaps.MakeGarbage(heap, 1);
            Assert.Equal(i, heap.GetStatistics().Collections);
        }
    }

    [Fact]
    public void Twenty_collections_take_weak_handles_and_clean_ups_of_what_has_died_alone()
    {
        using TracedHeap heap = ConcurrentHeaps.Make();
        int runs = 0;
        List<TracedHandle<Node>> kept = [];
        List<TracedWeakHandle<Node>> live = [];
        List<TracedWeakHandle<Node>> dead = [];
        while (heap.GetStatistics().Collections < 20)
        {
            using (TracedScope scope = heap.Enter())
            {
                TracedRef<Node> node = scope.New<Node>();
                kept.Add(scope.Keep(node));
                live.Add(scope.KeepWeak(node));
                scope.OnDead(node, _ => Interlocked.Increment(ref runs), 0);
                node = scope.New<Node>();
                dead.Add(scope.KeepWeak(node));
                scope.OnDead(node, _ => Interlocked.Increment(ref runs), 0);
            }

            ConcurrentHeaps.MakeGarbage(heap, 500);
        }

        heap.CollectAndSweep();
        heap.RunCleanUps();
        Assert.All(live, static handle => Assert.True(handle.IsAlive));
        Assert.All(dead, static handle => Assert.False(handle.IsAlive));
        Assert.Equal(dead.Count, runs);
        kept.ForEach(static handle => handle.Dispose());
    }

    [Fact]
    public void The_first_collectable_block_keeps_a_collection_from_being_concurrent_that_has_not_begun()
    {
        using TracedHeap heap = ConcurrentHeaps.Make();
        using ManualResetEventSlim inScope = new();
        bool makes = false;
        nint block = 0;
        Thread other = new(() =>
        {
            using TracedScope scope = heap.Enter();
            inScope.Set();
            while (!Volatile.Read(ref makes))
            {
                Thread.Yield();
            }

            block = scope.NewCollectable(64).Address;
        });
        other.Start();
        inScope.Wait();
        ConcurrentHeaps.MakeGarbage(heap, 20_000);
        ConcurrentHeaps.MakeGarbage(heap, 1);
        Assert.True(heap.Parts.Concurrent!.IsUnderWay);
        Volatile.Write(ref makes, true);
        other.Join();
        heap.Parts.Collector.AwaitEnd();
        heap.FinishSweeping();

        Assert.Equal((1L, false), (heap.GetStatistics().Collections, heap.LastCollection!.IsConcurrent));
        using MarkSession session = heap.BeginMark();
        session.Mark(block);
    }

    [Fact]
    public void A_collection_that_is_wanted_twice_is_made_once()
    {
        using TracedHeap heap = ConcurrentHeaps.Make();
        heap.Parts.Collector.LongestWait = TimeSpan.FromSeconds(30);
        using (heap.BeginMark())
        {
            Assert.True(heap.Parts.Concurrent!.TryBegin(CollectionReason.Idle));
            Assert.True(heap.Parts.Concurrent.TryBegin(CollectionReason.Idle));
        }

        heap.Parts.Collector.AwaitEnd();
        Assert.Equal(1, heap.GetStatistics().Collections);
    }

    [Fact]
    public void Near_a_limit_a_scope_has_all_the_room_that_a_collection_finds()
    {
        const int Kept = 300_000;
        using TracedHeap heap = new(new TracedHeapOptions { Priority = CollectionPriority.Latency, MinimumBytes = 1 << 20, MemoryLimit = 48 << 20 });
        using TracedRoots<Node> roots = heap.CreateRoots<Node>(1);
        using (TracedScope scope = heap.Enter())
        {
            ConcurrentHeaps.MakeList(scope, roots, Kept);
        }

        heap.Collect();
        while (!heap.Parts.Pacer.IsDue)
        {
            ConcurrentHeaps.MakeGarbage(heap, 10_000);
        }

        using (TracedScope scope = heap.Enter())
        {
            ConcurrentHeaps.MakeList(scope, roots, 3 * Kept);
        }

        Assert.Equal((2L, false), (heap.LastCollection!.Number, heap.LastCollection.IsConcurrent));
    }

    [Fact]
    public void The_line_of_a_concurrent_collection_says_so()
    {
        using TracedHeap heap = ConcurrentHeaps.Make();
        ConcurrentHeaps.MakeUntilCollected(heap);
        string line = SpanHeap.Traced.Collecting.CollectionTrace.Line("Pages", heap.LastCollection!);
        Assert.Contains(" growth, concurrent: ", line, StringComparison.Ordinal);
    }
}
