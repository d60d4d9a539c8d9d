using System.Diagnostics;
using SpanHeap.Tests.Support;
using SpanHeap.Traced;
using static SpanHeap.Tests.Traced.Sweeping.NurseryHeaps;

namespace SpanHeap.Tests.Traced.Sweeping;

/// <summary>What the end of a scope frees, and where it frees nothing.</summary>
[Unguarded("a guarded block has a span of its own, in no nursery")]
public sealed class NurseryTests
{
    private const int NodeBytes = 32;

    // More than what spans that are kept have room for.
    private const int Many = 40_000;

    // The slots of the first word are taken again at once.
    private const long LeastFreed = (Many - 64) * NodeBytes;

    [Fact]
    public void What_only_a_scope_has_is_freed_when_it_ends()
    {
        using TracedHeap heap = Make();
        for (int round = 0; round < 3; round++)
        {
            using TracedScope scope = heap.Enter();
            MakeChain(scope, Many);
        }

        heap.Verify();
        TracedStatistics statistics = heap.GetStatistics();
        Assert.InRange(statistics.BytesFreedByScopes, 3 * LeastFreed, 3L * Many * NodeBytes);
        Assert.Equal((0, 0), (statistics.Collections, statistics.SmallBlocksFreed));
        Assert.InRange(statistics.Pages, 1, 40);
    }

    [Fact]
    public void Short_scopes_make_blocks_in_the_same_slots_again_and_again()
    {
        using TracedHeap heap = Make();
        HashSet<nint> addresses = [];
        for (int i = 0; i < 10_000; i++)
        {
            using TracedScope scope = heap.Enter();
            TracedRef<Node> node = scope.New<Node>();
            Assert.True(node.Value.Left.IsNull && node.Value.Value == 0);
            node.Value.Left.Set(scope, scope.New<Node>());
            node.Value.Value = i;
            addresses.Add(node.Address);
        }

        Assert.InRange(addresses.Count, 1, 64);
        heap.Verify();
    }

    [Fact]
    public void A_large_block_of_a_scope_goes_with_it()
    {
        using TracedHeap heap = Make();
        for (int i = 0; i < 100; i++)
        {
            using TracedScope scope = heap.Enter();
            TracedRef<TracedArray<Node>> array = scope.NewArray<Node>(100_000);
            array.Value[99_999].Set(scope, MakeChain(scope, 1000));
        }

        heap.Verify();
        Assert.InRange(heap.GetStatistics().BytesFreedByScopes, 98L * 800_000, 100L * 840_000);
        Assert.InRange(heap.GetStatistics().Pages, 1, 240);
    }

    [Fact]
    public void A_large_block_that_escapes_keeps_what_it_refers_to()
    {
        using TracedHeap heap = Make();
        TracedHandle<TracedArray<Node>> kept = default;
        for (int i = 0; i < 3; i++)
        {
            using TracedScope scope = heap.Enter();
            TracedRef<TracedArray<Node>> array = scope.NewArray<Node>(100_000);
            array.Value[99_999].Set(scope, MakeMarked(scope));
            if (i == 1)
            {
                kept = scope.Keep(array);
            }
        }

        Overwrite(heap);
        heap.CollectAndSweep();
        using (TracedScope scope = heap.Enter())
        {
            AssertMarked(scope, kept.Get(scope).Value[99_999].Get(scope));
        }
    }

    [Fact]
    public void Blocks_of_several_kinds_may_refer_to_each_other_in_any_direction()
    {
        using TracedHeap heap = Make();
        heap.Parts.Nursery.IsCautious = true;
        for (int i = 0; i < 50; i++)
        {
            // Made before the nursery is active: the words of these cursors have free slots.
            using TracedScope scope = heap.Enter();
            TracedRef<TracedArray<Node>> few = scope.NewArray<Node>(3);
            TracedRef<Node> chain = MakeChain(scope, 1000);
            few.Value[1].Set(scope, chain);
            chain.Value.Right.Set(scope, few.As<Node>());
        }

        Assert.InRange(heap.GetStatistics().BytesFreedByScopes, 48L * 1000 * NodeBytes, long.MaxValue);
    }

    [Fact]
    public void The_end_of_an_inner_scope_frees_nothing()
    {
        using TracedHeap heap = Make();
        using TracedScope outer = heap.Enter();
        TracedRef<Node> first = outer.New<Node>();
        first.Value.Value = 7;
        for (int i = 0; i < 10; i++)
        {
            using TracedScope inner = heap.Enter();
            MakeChain(inner, 1000);
        }

        Assert.Equal(7, first.Value.Value);
        Assert.Equal(0, heap.GetStatistics().BytesFreedByScopes);
    }

    [Fact]
    public void A_yield_frees_what_the_scope_has_made()
    {
        using TracedHeap heap = Make();
        using TracedScope scope = heap.Enter();
        MakeChain(scope, Many);
        scope.Yield();
        Assert.InRange(heap.GetStatistics().BytesFreedByScopes, LeastFreed, long.MaxValue);
        MakeChain(scope, 100);
    }

    [Fact]
    public unsafe void What_is_made_while_the_heap_is_marked_stays_until_the_next_collection()
    {
        using TracedHeap heap = Make(new TracedHeapOptions { Priority = CollectionPriority.Latency });
        using (TracedScope scope = heap.Enter())
        {
            MakeChain(scope, 1000);
        }

        heap.Verify();
        long before = heap.GetStatistics().BytesFreedByScopes;
        heap.Parts.Gate.TryClose(TimeSpan.FromSeconds(10), out _);
        heap.Parts.Cycle.BeginConcurrent();
        using (TracedScope scope = heap.Enter())
        {
            MakeChain(scope, Many);
        }

        Assert.Equal(before, heap.GetStatistics().BytesFreedByScopes);
        while (!heap.Parts.Marking.TryMarkConcurrent(uint.MaxValue))
        {
        }

        heap.Parts.Gate.TryClose(TimeSpan.FromSeconds(10), out _);
        heap.Parts.Cycle.CompleteConcurrent(Stopwatch.GetTimestamp());
        heap.Parts.Cycle.EndConcurrent(CollectionReason.Growth, flushAll: false, Stopwatch.GetTimestamp());
        heap.Verify();
        heap.CollectAndSweep();
        Assert.Equal((0L, 0L), TracedCensus.Take(heap));
    }

    [Fact]
    public void Once_there_is_a_block_with_a_trace_function_scopes_free_nothing()
    {
        using TracedHeap heap = Make();
        using TracedScope scope = heap.Enter();
        MakeChain(scope, Many);
        scope.NewCollectable(100);
        scope.Yield();
        MakeChain(scope, Many);
        scope.Yield();
        Assert.Equal(0, heap.GetStatistics().BytesFreedByScopes);
    }

    [Fact]
    public void A_collection_takes_what_short_scopes_have_left_in_a_nursery()
    {
        using TracedHeap heap = Make();
        for (int i = 0; i < 10; i++)
        {
            using TracedScope scope = heap.Enter();
            scope.New<Node>();
        }

        heap.CollectAndSweep();
        Assert.Equal((0L, 0L), TracedCensus.Take(heap));
        Assert.Equal(0, heap.Parts.Spans.Count);
    }

    [Fact]
    public void What_a_thread_leaves_that_dies_in_a_scope_is_found_dead()
    {
        using TracedHeap heap = Make();
        StressThreads.RunOne(() => MakeChain(heap.Enter(), Many));
        for (int i = 0; i < 2; i++)
        {
            heap.CollectAndSweep();
        }

        Assert.Equal((0L, 0L), TracedCensus.Take(heap));
        StressThreads.RunOne(() =>
        {
            using TracedScope scope = heap.Enter();
            MakeChain(scope, Many);
        });
        heap.CollectAndSweep();
    }

    [Fact]
    public void At_a_limit_blocks_are_made_elsewhere_and_what_scopes_keep_is_given_back()
    {
        using TracedHeap heap = Make(new TracedHeapOptions { MemoryLimit = 8 << 20 });
        for (int round = 0; round < 20; round++)
        {
            using TracedScope scope = heap.Enter();
            MakeChain(scope, Many / 2);
            scope.NewValues<byte>(256 << 10);
        }

        heap.Verify();
        using (TracedScope scope = heap.Enter())
        {
            MakeChain(scope, 1000);
            bool refused = false;
            try
            {
                MakeChain(scope, 1_000_000);
            }
            catch (OutOfMemoryException)
            {
                refused = true;
            }

            Assert.True(refused);
        }

        heap.CollectAndSweep();
        Assert.Equal((0L, 0L), TracedCensus.Take(heap));
    }

    [Theory]
    [InlineData(false, 1)]
    [InlineData(true, 2)]
    public void Random_graphs_lose_nothing_however_often_scopes_free(bool generational, int seed)
    {
        using TracedHeap heap = Make(new TracedHeapOptions { Generational = generational, MinimumBytes = 1 << 18, VerifyMarking = true });
        ChurnAndCompare(heap, seed, rounds: 4, scopesPerCollection: 5000);
        Assert.InRange(heap.GetStatistics().BytesFreedByScopes, 1, long.MaxValue);
    }
}
