using System.Diagnostics;
using SpanHeap.Tests.Support;
using SpanHeap.Traced;

namespace SpanHeap.Tests.Traced.Collecting;

/// <summary>Collections that mark on a thread of the library while the program's threads go on.</summary>
[Unguarded("how much is made until a collection is due depends on the size of blocks")]
public sealed class ConcurrentCollectionTests
{
    private const int Minimum = 256 << 10;

    private static readonly TimeSpan s_shortestWait = TimeSpan.FromMilliseconds(2);
    private static readonly TimeSpan s_longest = TimeSpan.FromSeconds(30);

    [Fact]
    public void A_collection_that_is_due_because_of_growth_is_concurrent()
    {
        using TracedHeap heap = Make();
        MakeUntilCollected(heap);

        Assert.Equal((true, false, CollectionReason.Growth), (heap.LastCollection!.IsConcurrent, heap.LastCollection.IsMinor, heap.LastCollection.Reason));
        heap.FinishSweeping();
        Assert.InRange(heap.GetStatistics().SmallBlocksFreed, 1, long.MaxValue);
        heap.Verify();
    }

    [Fact]
    public void A_collection_that_the_program_asks_for_is_exact_and_not_concurrent()
    {
        using TracedHeap heap = Make();
        for (int i = 0; i < 20; i++)
        {
            MakeGarbage(heap, 5000);
            heap.CollectAndSweep();
            Assert.Equal((0L, 0L), TracedCensus.Take(heap));
            Assert.False(heap.LastCollection!.IsConcurrent);
        }
    }

    [Fact]
    public void The_end_waits_for_a_scope_that_stays_open_and_nobody_else_does()
    {
        using TracedHeap heap = Make();
        using ManualResetEventSlim inScope = new();
        using ManualResetEventSlim leave = new();
        int reports = 0;
        heap.CollectionHeldUp += (_, _) => Interlocked.Increment(ref reports);
        StressThreads.Run(
            2,
            number =>
            {
                if (number == 0)
                {
                    using TracedScope scope = heap.Enter();
                    inScope.Set();
                    while (!leave.IsSet)
                    {
                        Thread.Yield();
                    }

                    return;
                }

                inScope.Wait();
                Assert.True(SpinWait.SpinUntil(
                    () =>
                    {
                        MakeGarbage(heap, 1000);
                        return Volatile.Read(ref reports) > 0;
                    },
                    s_longest));
                Assert.Equal(0, heap.GetStatistics().Collections);
                leave.Set();
            });
        MakeUntilCollected(heap);
        Assert.InRange(heap.GetStatistics().HeldUp, 1, long.MaxValue);
        heap.Verify();
    }

    [Fact]
    public void A_heap_at_its_limit_collects_what_died_while_it_was_marked()
    {
        const int Limit = 8 << 20;
        using TracedHeap heap = new(new TracedHeapOptions { Concurrent = true, MinimumBytes = Minimum, MemoryLimit = Limit });
        for (int i = 0; i < 20_000; i++)
        {
            MakeGarbage(heap, 100);
        }

        Assert.InRange(heap.GetStatistics().Collections, 2, long.MaxValue);
        heap.Verify();
    }

    [Fact]
    public void A_heap_is_disposed_while_it_is_marked()
    {
        for (int i = 0; i < 20; i++)
        {
            TracedHeap heap = Make();
            MakeGarbage(heap, 20_000);
            using (heap.Enter())
            {
            }

            heap.Dispose();
            Assert.True(heap.IsDisposed);
        }
    }

    [Fact]
    public void An_idle_heap_is_collected_as_a_whole()
    {
        using TracedHeap heap = new(new TracedHeapOptions { Concurrent = true, IdleDelay = TimeSpan.FromMilliseconds(50) });
        MakeGarbage(heap, 20_000);
        Assert.True(SpinWait.SpinUntil(() => heap.LastCollection is { Reason: CollectionReason.Idle, IsConcurrent: true, BytesAfter: 0 }, s_longest));
        heap.Verify();
    }

    [Fact]
    public void A_heap_under_stress_collects_at_each_scope_and_not_later()
    {
        using TracedHeap heap = new(new TracedHeapOptions { Concurrent = true, Stress = true });
        for (int i = 1; i <= 5; i++)
        {
            MakeGarbage(heap, 1);
            Assert.Equal(i, heap.GetStatistics().Collections);
        }
    }

    [Fact]
    public void Twenty_collections_take_weak_handles_and_clean_ups_of_what_has_died_alone()
    {
        using TracedHeap heap = Make();
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

            MakeGarbage(heap, 500);
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
        using TracedHeap heap = Make();
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
        MakeGarbage(heap, 20_000);
        MakeGarbage(heap, 1);
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
    public void No_collection_marks_after_a_heap_is_disposed_whose_clean_up_made_blocks()
    {
        TracedHeap heap = Make();
        using ManualResetEventSlim running = new();
        using ManualResetEventSlim goOn = new();
        using (TracedScope scope = heap.Enter())
        {
            scope.OnDead(
                scope.New<Node>(),
                _ =>
                {
                    running.Set();
                    goOn.Wait();
                    for (int i = 0; i < 200; i++)
                    {
                        MakeGarbage(heap, 1000);
                    }
                },
                0);
        }

        heap.Collect();
        running.Wait();
        Thread disposes = new(heap.Dispose);
        disposes.Start();
        goOn.Set();
        disposes.Join();
        Assert.Equal((false, false), (heap.Parts.Concurrent!.IsUnderWay, heap.Parts.Shading.IsOn));
    }

    [Fact]
    public void A_collection_that_is_wanted_twice_is_made_once()
    {
        using TracedHeap heap = Make();
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
    public void A_collection_whose_turn_comes_too_late_is_none_and_no_error()
    {
        using TracedHeap heap = Make();
        heap.Parts.Collector.LongestWait = TimeSpan.FromMilliseconds(50);
        using (heap.BeginMark())
        {
            Assert.True(heap.Parts.Concurrent!.TryBegin(CollectionReason.Idle));
            Assert.True(SpinWait.SpinUntil(() => !heap.Parts.Concurrent.IsUnderWay, s_longest));
        }

        Assert.Equal(0, heap.GetStatistics().Collections);
        MakeUntilCollected(heap);
    }

    [Fact]
    public void A_refused_block_is_remembered_until_what_died_meanwhile_is_collected()
    {
        using TracedHeap heap = ConcurrentCycle.MakeHeap();
        ConcurrentCycle.Begin(heap);
        heap.Parts.Pacer.NoteRefused();
        ConcurrentCycle.End(heap);
        Assert.Equal((true, true), (heap.Parts.Pacer.HasRefused, heap.Parts.Pacer.IsDue));
        heap.Collect();
        Assert.Equal((false, false), (heap.Parts.Pacer.HasRefused, heap.Parts.Pacer.IsDue));
    }

    [Fact]
    public void Near_a_limit_a_scope_has_all_the_room_that_a_collection_finds()
    {
        const int Kept = 300_000;
        using TracedHeap heap = new(new TracedHeapOptions { Concurrent = true, MinimumBytes = 1 << 20, MemoryLimit = 64 << 20 });
        using TracedRoots<Node> roots = heap.CreateRoots<Node>(1);
        using (TracedScope scope = heap.Enter())
        {
            MakeList(scope, roots, Kept);
        }

        heap.Collect();
        while (!heap.Parts.Pacer.IsDue)
        {
            MakeGarbage(heap, 10_000);
        }

        using (TracedScope scope = heap.Enter())
        {
            MakeList(scope, roots, 3 * Kept);
        }

        Assert.False(heap.LastCollection!.IsConcurrent);
    }

    [Fact]
    public void Verify_names_the_scope_that_keeps_a_collection_from_ending()
    {
        TracedHeap heap = Make();
        using ManualResetEventSlim inScope = new();
        bool leaves = false;
        Thread other = new(() => StayOnceItMarks(heap, inScope, ref leaves));
        other.Start();
        inScope.Wait();
        heap.Parts.Collector.LongestWait = TimeSpan.FromMilliseconds(50);
        TimeoutException error = Assert.Throws<TimeoutException>(heap.Verify);
        Assert.Contains($"thread {other.ManagedThreadId} is in a scope", error.Message, StringComparison.Ordinal);
        Volatile.Write(ref leaves, true);
        other.Join();
        heap.Verify();
        heap.Dispose();
    }

    [Fact]
    public void A_scope_that_keeps_a_collection_from_ending_keeps_no_thread_from_going_on_however_far_the_heap_has_grown()
    {
        const int Entries = 2000;
        using TracedHeap heap = Make(s_shortestWait);
        using ManualResetEventSlim inScope = new();
        bool leaves = false;
        Thread other = new(() => StayOnceItMarks(heap, inScope, ref leaves));
        other.Start();
        inScope.Wait();
        MakeGarbage(heap, 20_000);
        Assert.True(heap.Parts.Pacer.IsBehind);
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < Entries; i++)
        {
            heap.Enter().Dispose();
        }

        // Each of them would wait for as long as a collection that is due.
        Assert.InRange(Stopwatch.GetElapsedTime(start), TimeSpan.Zero, Entries * s_shortestWait / 2);
        Volatile.Write(ref leaves, true);
        other.Join();
        heap.Verify();
    }

    [Fact]
    public void A_thread_does_not_wait_for_a_marker_that_waits_for_its_scope()
    {
        using TracedHeap heap = ConcurrentCycle.MakeHeap();
        ConcurrentCycle.Begin(heap);
        heap.Parts.Pacer.Pace.NoteMarked(0);
        heap.Parts.Pacer.Pace.Await(grown: 1, most: 1000);
        TimeSpan waited = heap.GetStatistics().AssistTime;
        Assert.NotEqual(TimeSpan.Zero, waited);

        heap.Parts.Marking.EndWaiting();
        heap.Parts.Pacer.Pace.Await(grown: 1, most: 1000);
        Assert.Equal(waited, heap.GetStatistics().AssistTime);
        ConcurrentCycle.End(heap);
    }

    [Fact]
    public void The_line_of_a_concurrent_collection_says_so()
    {
        using TracedHeap heap = Make();
        MakeUntilCollected(heap);
        string line = SpanHeap.Traced.Collecting.CollectionTrace.Line("Pages", heap.LastCollection!);
        Assert.Contains(" growth, concurrent: ", line, StringComparison.Ordinal);
    }

    private static TracedHeap Make() => Make(TimeSpan.FromSeconds(1));

    private static TracedHeap Make(TimeSpan patience) => new(new TracedHeapOptions
    {
        Concurrent = true,
        ScopePatience = patience,
        MinimumBytes = Minimum,
        ScavengeDelay = Timeout.InfiniteTimeSpan,
        IdleDelay = Timeout.InfiniteTimeSpan,
        VerifyMarking = true,
    });

    private static void MakeUntilCollected(TracedHeap heap)
    {
        long before = heap.GetStatistics().Collections;
        Assert.True(SpinWait.SpinUntil(
            () =>
            {
                MakeGarbage(heap, 100);
                return heap.GetStatistics().Collections > before;
            },
            s_longest));
        heap.Parts.Collector.AwaitEnd();
    }

    private static void MakeGarbage(TracedHeap heap, int count)
    {
        using TracedScope scope = heap.Enter();
        for (int i = 0; i < count; i++)
        {
            scope.New<Node>();
        }
    }

    // Makes blocks until the heap is marked, and stays in a scope then.
    private static void StayOnceItMarks(TracedHeap heap, ManualResetEventSlim inScope, ref bool leaves)
    {
        while (!inScope.IsSet)
        {
            using TracedScope scope = heap.Enter();
            for (int i = 0; i < 1000; i++)
            {
                scope.New<Node>();
            }

            if (heap.Parts.Shading.IsOn)
            {
                inScope.Set();
                while (!Volatile.Read(ref leaves))
                {
                    Thread.Yield();
                }
            }
        }
    }

    private static void MakeList(in TracedScope scope, TracedRoots<Node> roots, int count)
    {
        for (int i = 0; i < count; i++)
        {
            TracedRef<Node> node = scope.New<Node>();
            node.Value.Left.Set(scope, roots.Get(scope, 0));
            roots.Set(scope, 0, node);
        }
    }
}
