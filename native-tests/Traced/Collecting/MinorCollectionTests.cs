using SpanHeap.Tests.Support;
using SpanHeap.Traced;

namespace SpanHeap.Tests.Traced.Collecting;

/// <summary>A minor collection lets young blocks die that nothing refers to, and keeps what roots and old blocks refer to.</summary>
[Unguarded("how much is made until a collection is due depends on the size of blocks")]
public sealed class MinorCollectionTests
{
    private const long Mark = 4711;
    private const int Large = 20_000;

    [Theory]
    [MemberData(nameof(Holder.Places), MemberType = typeof(Holder))]
    public void A_young_block_lives_that_only_an_old_block_refers_to(HolderPlace place, HeapChecks checks)
    {
        using TracedHeap heap = MinorHeaps.Make(checks);
        TracedHandle<byte> old;
        using (TracedScope scope = heap.Enter())
        {
            old = scope.Keep(Holder.Make(scope, place));
        }

        heap.MakeOld();
        using (TracedScope scope = heap.Enter())
        {
            TracedRef<Node> young = scope.New<Node>();
            young.Value.Value = Mark;
            Holder.Store(scope, place, old.Get(scope), young);
        }

        heap.CollectYoung();
        heap.CollectYoung();

        using (TracedScope scope = heap.Enter())
        {
            Assert.Equal(Mark, Holder.Load(scope, place, old.Get(scope)).Value.Value);
        }
    }

    [Fact]
    public void Young_blocks_that_nothing_refers_to_die()
    {
        using TracedHeap heap = MinorHeaps.Make();
        using (TracedScope scope = heap.Enter())
        {
            scope.New<Node>();
        }

        Assert.Equal(1, heap.CollectYoung());
        Assert.Equal((0L, 0L), TracedCensus.Take(heap));
    }

    [Fact]
    public void Old_blocks_that_nothing_refers_to_die_in_the_next_major_collection()
    {
        using TracedHeap heap = MinorHeaps.Make();
        TracedHandle<Node> handle;
        TracedWeakHandle<Node> weak;
        using (TracedScope scope = heap.Enter())
        {
            TracedRef<Node> node = scope.New<Node>();
            handle = scope.Keep(node);
            weak = scope.KeepWeak(node);
        }

        heap.MakeOld();
        handle.Dispose();
        Assert.Equal(0, heap.CollectYoung());
        using (TracedScope scope = heap.Enter())
        {
            Assert.True(weak.TryGet(scope, out _));
        }

        heap.CollectAndSweep();
        Assert.Equal((0L, 0L), TracedCensus.Take(heap));
        using (TracedScope scope = heap.Enter())
        {
            Assert.False(weak.TryGet(scope, out _));
        }
    }

    [Fact]
    public void What_survives_a_minor_collection_is_old_after_it()
    {
        using TracedHeap heap = MinorHeaps.Make();
        TracedHandle<Node> handle;
        using (TracedScope scope = heap.Enter())
        {
            handle = scope.Keep(scope.New<Node>());
        }

        Assert.Equal(0, heap.CollectYoung());
        handle.Dispose();
        Assert.Equal(0, heap.CollectYoung());
        heap.CollectAndSweep();
        Assert.Equal((0L, 0L), TracedCensus.Take(heap));
    }

    [Fact]
    public void A_chain_of_young_blocks_lives_behind_one_reference_in_an_old_one()
    {
        const int Length = 1000;
        using TracedHeap heap = MinorHeaps.Make();
        TracedHandle<Node> handle;
        using (TracedScope scope = heap.Enter())
        {
            handle = scope.Keep(scope.New<Node>());
        }

        heap.MakeOld();
        using (TracedScope scope = heap.Enter())
        {
            TracedRef<Node> first = scope.Null<Node>();
            for (int i = 0; i < Length; i++)
            {
                TracedRef<Node> node = scope.New<Node>();
                node.Value.Left.Set(scope, first);
                first = node;
            }

            handle.Get(scope).Value.Right.Set(scope, first);
        }

        Assert.Equal(0, heap.CollectYoung());
        Assert.Equal((Length + 1L, 0L), TracedCensus.Take(heap));
        handle.Dispose();
    }

    [Fact]
    public void Collections_that_the_program_asks_for_are_major()
    {
        using TracedHeap heap = MinorHeaps.Make();
        heap.CollectYoung();
        heap.Collect();
        Assert.False(heap.LastCollection!.IsMinor);
        Assert.Equal(1, heap.GetStatistics().MinorCollections);
    }

    [Fact]
    public unsafe void A_heap_with_a_trace_function_has_major_collections_only()
    {
        using TracedHeap heap = MinorHeaps.Make();
        using (TracedScope scope = heap.Enter())
        {
            scope.NewBytes(TracedLayout.Custom(&VisitNothing), 32);
        }

        long before = heap.GetStatistics().Collections;
        while (heap.GetStatistics().Collections < before + 3)
        {
            using TracedScope scope = heap.Enter();
            scope.NewArray<Node>(100);
        }

        Assert.Equal(0, heap.GetStatistics().MinorCollections);
        static void VisitNothing(nint block, TracedVisitor visitor)
        {
            _ = block;
            _ = visitor;
        }
    }

    [Fact]
    public void After_minor_collections_that_freed_little_major_ones_come()
    {
        using TracedHeap heap = MinorHeaps.Make();
        TracedHandle<Node> list;
        using (TracedScope scope = heap.Enter())
        {
            list = scope.Keep(scope.New<Node>());
        }

        heap.MakeOld();
        List<bool> minors = [];
        while (minors.Count < 4)
        {
            long before = heap.GetStatistics().Collections;
            using (TracedScope scope = heap.Enter())
            {
                for (int i = 0; i < 50; i++)
                {
                    TracedRef<Node> node = scope.New<Node>();
                    node.Value.Left.Set(scope, list.Get(scope));
                    list.Set(scope, node);
                }
            }

            if (heap.GetStatistics().Collections > before)
            {
                minors.Add(heap.LastCollection!.IsMinor);
            }
        }

        Assert.Equal([true, false, false, false], minors);
        list.Dispose();
    }

    [Fact]
    public void Old_blocks_that_die_are_found_although_only_young_ones_are_made()
    {
        using TracedHeap heap = MinorHeaps.Make();
        TracedHandle<TracedArray<Node>> large;
        using (TracedScope scope = heap.Enter())
        {
            large = scope.Keep(scope.NewArray<Node>(Large));
        }

        heap.MakeOld();
        large.Dispose();
        for (int i = 0; i < 16; i++)
        {
            heap.CollectYoung();
        }

        Assert.Equal(0, heap.GetStatistics().LargeBlocksFreed);
        heap.CollectByGrowth();
        Assert.False(heap.LastCollection!.IsMinor);
        Assert.Equal(1, heap.GetStatistics().LargeBlocksFreed);
    }

    [Fact]
    public void Under_stress_all_dead_blocks_are_found_at_once()
    {
        using TracedHeap heap = new(new TracedHeapOptions { Generational = true, Stress = true });
        TracedHandle<Node> handle;
        nint address;
        using (TracedScope scope = heap.Enter())
        {
            TracedRef<Node> node = scope.New<Node>();
            address = node.Address;
            handle = scope.Keep(node);
        }

        for (int i = 0; i < 3; i++)
        {
            using TracedScope scope = heap.Enter();
            Assert.False(heap.LastCollection!.IsMinor);
        }

        handle.Dispose();
        using (TracedScope scope = heap.Enter())
        {
            Assert.Throws<HeapCorruptionException>(() => _ = new TracedRef<Node>(address).Value.Value);
        }
    }

    [Fact]
    public void An_idle_heap_is_collected_as_a_whole_although_its_last_collection_was_minor()
    {
        using TracedHeap heap = new(new TracedHeapOptions { Generational = true, MinimumBytes = 256 << 10, IdleDelay = TimeSpan.FromMilliseconds(50) });
        heap.MakeOld();
        long before = heap.GetStatistics().Collections;
        Assert.True(SpinWait.SpinUntil(
            () =>
            {
                heap.CollectByGrowth();
                return heap.LastCollection!.IsMinor;
            },
            TimeSpan.FromSeconds(30)));

        Assert.True(SpinWait.SpinUntil(() => heap.LastCollection!.Reason == CollectionReason.Idle, TimeSpan.FromSeconds(30)));
        Assert.InRange(heap.GetStatistics().Collections, before + 2, long.MaxValue);
    }

    [Fact]
    public void The_line_of_a_minor_collection_says_so()
    {
        using TracedHeap heap = MinorHeaps.Make();
        heap.CollectYoung();
        string line = SpanHeap.Traced.Collecting.CollectionTrace.Line("Pages", heap.LastCollection!);
        Assert.Contains(" growth, minor: ", line, StringComparison.Ordinal);
    }
}
