using SpanHeap.Tests.Support;
using SpanHeap.Traced;

namespace SpanHeap.Tests.Traced.Roots;

/// <summary>Weak handles give their block as long as it lives, and nothing from then on.</summary>
public sealed class WeakHandleTests
{
    [Theory]
    [InlineData(HeapChecks.Standard)]
    [InlineData(HeapChecks.Full)]
    public void A_weak_handle_keeps_nothing_and_gives_what_something_else_keeps(HeapChecks checks)
    {
        using TracedHeap heap = TracedHeaps.Still(checks);
        (TracedHandle<Node> kept, TracedWeakHandle<Node> weak) = WeakHandles.MakePair(heap, 7);
        TracedWeakHandle<Node> lost = WeakHandles.Make(heap, 8);
        heap.CollectAndSweep();
        Assert.True(weak.IsAlive);
        Assert.False(lost.IsAlive);
        Assert.Equal((7, (long?)null), (WeakHandles.ValueOf(heap, weak)!.Value, WeakHandles.ValueOf(heap, lost)));

        kept.Dispose();
        Assert.Equal(7, WeakHandles.ValueOf(heap, weak));
        heap.CollectAndSweep();
        Assert.False(weak.IsAlive);
        Assert.Null(WeakHandles.ValueOf(heap, weak));
        Assert.Equal((2, 2), (heap.GetStatistics().WeakHandles, heap.GetStatistics().WeakHandlesCleared));
        weak.Dispose();
        lost.Dispose();
        Assert.Equal(0, heap.GetStatistics().WeakHandles);
        heap.Verify();
    }

    [Fact]
    [Unguarded("a dead guarded block's slot does not serve again")]
    public void A_block_made_in_the_slot_of_a_dead_one_is_not_given()
    {
        using TracedHeap heap = TracedHeaps.Still();
        TracedWeakHandle<Node>[] weak = new TracedWeakHandle<Node>[2000];
        HashSet<nint> addresses = [];
        using (TracedScope scope = heap.Enter())
        {
            for (int i = 0; i < weak.Length; i++)
            {
                TracedRef<Node> node = scope.New<Node>();
                addresses.Add(node.Address);
                weak[i] = scope.KeepWeak(node);
            }
        }

        heap.Collect();
        int reused = 0;
        using (TracedScope scope = heap.Enter())
        {
            for (int i = 0; i < weak.Length; i++)
            {
                TracedRef<Node> node = scope.New<Node>();
                reused += addresses.Contains(node.Address) ? 1 : 0;
                Assert.False(weak[i].TryGet(scope, out TracedRef<Node> dead));
                Assert.True(dead.IsNull);
            }
        }

        // How many depends on how far the sweeper has come.
        Assert.NotEqual(0, reused);
        heap.CollectAndSweep();
    }

    [Fact]
    public void A_block_made_after_a_collection_is_given_until_the_next()
    {
        using TracedHeap heap = TracedHeaps.Still();
        WeakHandles.Make(heap, 1).Dispose();
        heap.Collect();

        // Before what the collection left is swept.
        TracedWeakHandle<Node> weak = WeakHandles.Make(heap, 2);
        Assert.Equal(2, WeakHandles.ValueOf(heap, weak));
        heap.FinishSweeping();
        Assert.Equal(2, WeakHandles.ValueOf(heap, weak));
        heap.Collect();
        Assert.Null(WeakHandles.ValueOf(heap, weak));
    }

    [Fact]
    public void What_comes_out_of_a_weak_handle_can_be_kept()
    {
        using TracedHeap heap = TracedHeaps.Still();
        TracedWeakHandle<Node> weak = WeakHandles.Make(heap, 3);
        using (TracedScope scope = heap.Enter())
        {
            Assert.True(weak.TryGet(scope, out TracedRef<Node> node));
            scope.Keep(node);
        }

        heap.CollectAndSweep();
        Assert.Equal(3, WeakHandles.ValueOf(heap, weak));
    }

    [Fact]
    public void Cycles_of_blocks_that_name_each_other_die_with_their_weak_handles()
    {
        using TracedHeap heap = TracedHeaps.Still();
        TracedWeakHandle<Node> weak;
        using (TracedScope scope = heap.Enter())
        {
            TracedRef<Node> one = scope.New<Node>();
            TracedRef<Node> other = scope.New<Node>();
            one.Value.Left.Set(scope, other);
            other.Value.Left.Set(scope, one);
            weak = scope.KeepWeak(one);
        }

        heap.CollectAndSweep();
        Assert.False(weak.IsAlive);
    }

    [Fact]
    public void Large_blocks_have_weak_handles_too()
    {
        using TracedHeap heap = TracedHeaps.Still();
        TracedWeakHandle<TracedArray<Node>> weak;
        TracedHandle<TracedArray<Node>> kept;
        using (TracedScope scope = heap.Enter())
        {
            TracedRef<TracedArray<Node>> array = scope.NewArray<Node>(50_000);
            weak = scope.KeepWeak(array);
            kept = scope.Keep(array);
        }

        heap.CollectAndSweep();
        Assert.True(weak.IsAlive);
        kept.Dispose();
        heap.CollectAndSweep();
        Assert.False(weak.IsAlive);
    }

    [Fact]
    public void One_thread_may_dispose_what_another_looks_into_while_a_third_collects()
    {
        using TracedHeap heap = new(new TracedHeapOptions { MinimumBytes = 1 << 18 });
        Box current = new(default);
        bool ended = false;
        StressThreads.Run(4, number =>
        {
            if (number == 0)
            {
                try
                {
                    for (int round = 0; round < 20_000; round++)
                    {
                        // The second gets the slot of the first.
                        TracedWeakHandle<Node> shared = WeakHandles.Make(heap, -1);
                        Volatile.Write(ref current, new Box(shared));
                        Thread.SpinWait(round % 7);
                        shared.Dispose();
                        (TracedHandle<Node> kept, TracedWeakHandle<Node> own) = WeakHandles.MakePair(heap, round);
                        Assert.Equal(round, WeakHandles.ValueOf(heap, own));
                        kept.Dispose();
                        own.Dispose();
                    }
                }
                finally
                {
                    Volatile.Write(ref ended, true);
                }
            }

            while (!Volatile.Read(ref ended))
            {
                if (number == 1)
                {
                    heap.Collect();
                }
                else
                {
                    LookInto(heap, Volatile.Read(ref current).Handle);
                }
            }
        });
        Assert.Equal((0, 0), (heap.GetStatistics().WeakHandles, heap.GetStatistics().Handles));
        heap.CollectAndSweep();
    }

    private static void LookInto(TracedHeap heap, TracedWeakHandle<Node> weak)
    {
        try
        {
            long? value = WeakHandles.ValueOf(heap, weak);
            Assert.True(value is null or -1, $"The block of another handle was given: {value}.");
        }
        catch (InvalidOperationException)
        {
            // Disposed, or not made yet.
            Assert.False(weak.IsAlive);
        }
    }

    // A handle is more than one word: read and written as one by reference.
    private sealed class Box(TracedWeakHandle<Node> handle)
    {
        public TracedWeakHandle<Node> Handle => handle;
    }
}
