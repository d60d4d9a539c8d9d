using System.Diagnostics;
using System.Runtime.CompilerServices;
using SpanHeap.Tests.Support;
using SpanHeap.Traced;
using SpanHeap.Traced.Marking;

namespace SpanHeap.Tests.Traced.Collecting;

/// <summary>
/// What threads do while a heap is marked takes no block that they can reach: all that was reachable at the beginning lives, and all that was made since.
/// </summary>
public sealed unsafe class ConcurrentMarkingTests
{
    private const long Mark = 4711;

    [Theory]
    [MemberData(nameof(Holder.Places), MemberType = typeof(Holder))]
    public void A_block_lives_whose_reference_has_moved_to_where_no_marker_looks(HolderPlace place, HeapChecks checks)
    {
        using TracedHeap heap = ConcurrentCycle.MakeHeap(checks);
        TracedHandle<byte> holder;
        using (TracedScope scope = heap.Enter())
        {
            TracedRef<byte> made = Holder.Make(scope, place);
            holder = scope.Keep(made);
            TracedRef<Node> node = scope.New<Node>();
            node.Value.Value = Mark;
            Holder.Store(scope, place, made, node);
        }

        ConcurrentCycle.Begin(heap);
        TracedHandle<Node> hidden;
        using (TracedScope scope = heap.Enter())
        {
            TracedRef<Node> black = scope.New<Node>();
            black.Value.Left.Set(scope, Holder.Load(scope, place, holder.Get(scope)));
            Holder.Erase(scope, place, holder.Get(scope));
            hidden = scope.Keep(black);
        }

        ConcurrentCycle.Mark(heap);
        ConcurrentCycle.End(heap);

        using (TracedScope scope = heap.Enter())
        {
            Assert.Equal(Mark, hidden.Get(scope).Value.Left.Get(scope).Value.Value);
        }
    }

    [Fact]
    public void A_block_lives_that_only_a_handle_names_which_was_made_meanwhile()
    {
        using TracedHeap heap = ConcurrentCycle.MakeHeap();
        TracedHandle<Node> holder;
        using (TracedScope scope = heap.Enter())
        {
            TracedRef<Node> made = scope.New<Node>();
            made.Value.Left.Set(scope, scope.New<Node>());
            holder = scope.Keep(made);
        }

        ConcurrentCycle.Begin(heap);
        TracedHandle<Node> kept;
        using (TracedScope scope = heap.Enter())
        {
            TracedRef<Node> moved = holder.Get(scope).Value.Left.Get(scope);
            holder.Get(scope).Value.Left.Set(scope, scope.Null<Node>());
            kept = scope.Keep(moved);
        }

        ConcurrentCycle.End(heap);
        Assert.Equal((2L, 0L), TracedCensus.Take(heap));
        kept.Dispose();
    }

    [Fact]
    public void What_was_reachable_at_the_beginning_lives_until_the_next_collection()
    {
        using TracedHeap heap = ConcurrentCycle.MakeHeap();
        TracedHandle<Node> handle;
        using (TracedScope scope = heap.Enter())
        {
            TracedRef<Node> node = scope.New<Node>();
            node.Value.Left.Set(scope, scope.New<Node>());
            handle = scope.Keep(node);
            scope.New<Node>();
        }

        ConcurrentCycle.Begin(heap);
        handle.Dispose();
        ConcurrentCycle.End(heap);
        Assert.Equal((2L, 0L), TracedCensus.Take(heap));

        heap.CollectAndSweep();
        Assert.Equal((0L, 0L), TracedCensus.Take(heap));
    }

    [Fact]
    public void What_is_made_while_the_heap_is_marked_lives_until_the_next_collection()
    {
        const int Small = 5000;
        const int Length = 20_000;
        using TracedHeap heap = ConcurrentCycle.MakeHeap();
        Make(heap, Small / 2);
        ConcurrentCycle.Begin(heap);
        Make(heap, Small);
        using (TracedScope scope = heap.Enter())
        {
            scope.NewArray<Node>(Length);
        }

        ConcurrentCycle.End(heap);
        Assert.Equal((Small, 1L), TracedCensus.Take(heap));

        heap.CollectAndSweep();
        Assert.Equal((0L, 0L), TracedCensus.Take(heap));
    }

    [Fact]
    public void Slots_that_a_cache_had_before_are_blocks_if_they_were_used_and_free_if_not()
    {
        using TracedHeap heap = ConcurrentCycle.MakeHeap();
        Make(heap, 1);
        ConcurrentCycle.Begin(heap);
        Make(heap, 1);
        ConcurrentCycle.End(heap);
        Assert.Equal((1L, 0L), TracedCensus.Take(heap));
        Make(heap, 1);
        heap.CollectAndSweep();
        Assert.Equal((0L, 0L), TracedCensus.Take(heap));
    }

    [Fact]
    public void A_block_that_a_weak_handle_gave_lives_with_all_that_it_leads_to()
    {
        using TracedHeap heap = ConcurrentCycle.MakeHeap();
        TracedWeakHandle<Node> given;
        TracedWeakHandle<Node> forgotten;
        using (TracedScope scope = heap.Enter())
        {
            TracedRef<Node> node = scope.New<Node>();
            node.Value.Left.Set(scope, scope.New<Node>());
            given = scope.KeepWeak(node);
            forgotten = scope.KeepWeak(scope.New<Node>());
        }

        ConcurrentCycle.Begin(heap);
        TracedHandle<Node> handle;
        using (TracedScope scope = heap.Enter())
        {
            Assert.True(given.TryGet(scope, out TracedRef<Node> node));
            handle = scope.Keep(node);
            Assert.True(forgotten.IsAlive);
        }

        ConcurrentCycle.End(heap);
        Assert.Equal((true, false), (given.IsAlive, forgotten.IsAlive));
        Assert.Equal((2L, 0L), TracedCensus.Take(heap));
        handle.Dispose();
    }

    [Fact]
    public void A_clean_up_runs_once_its_block_is_found_dead_whenever_it_was_registered()
    {
        using TracedHeap heap = ConcurrentCycle.MakeHeap();
        int runs = 0;
        using (TracedScope scope = heap.Enter())
        {
            scope.OnDead(scope.New<Node>(), _ => runs++, 0);
        }

        ConcurrentCycle.Begin(heap);
        using (TracedScope scope = heap.Enter())
        {
            scope.OnDead(scope.New<Node>(), _ => runs++, 0);
        }

        ConcurrentCycle.End(heap);
        heap.RunCleanUps();
        Assert.Equal(1, runs);
        heap.CollectAndSweep();
        heap.RunCleanUps();
        Assert.Equal(2, runs);
    }

    [Fact]
    public void A_root_array_keeps_what_it_named_at_the_beginning_or_names_at_the_end()
    {
        using TracedHeap heap = ConcurrentCycle.MakeHeap();
        using TracedRoots<Node> roots = heap.CreateRoots<Node>(2);
        using (TracedScope scope = heap.Enter())
        {
            roots.Set(scope, 0, scope.New<Node>());
        }

        ConcurrentCycle.Begin(heap);
        using (TracedScope scope = heap.Enter())
        {
            roots.Set(scope, 1, roots.Get(scope, 0));
            roots.Clear(scope, 0, 1);
            roots.Set(scope, 0, scope.New<Node>());
        }

        ConcurrentCycle.End(heap);
        Assert.Equal((2L, 0L), TracedCensus.Take(heap));
    }

    [Fact]
    public void A_stale_reference_in_a_field_of_no_block_is_overwritten_and_not_shaded()
    {
        using TracedHeap heap = ConcurrentCycle.MakeHeap();
        nint word = 0;

        // The rules of the analyzer refuse such a field where they see it.
#pragma warning disable SPAN006
        ref Traced<Node> field = ref Unsafe.As<nint, Traced<Node>>(ref word);
#pragma warning restore SPAN006
        using (TracedScope scope = heap.Enter())
        {
            field.Set(scope, scope.New<Node>());
            scope.Keep(scope.New<Node>());
        }

        heap.CollectAndSweep();
        ConcurrentCycle.Begin(heap);
        using (TracedScope scope = heap.Enter())
        {
            field.Set(scope, scope.Null<Node>());
        }

        ConcurrentCycle.End(heap);
        Assert.Equal((1L, 0L), TracedCensus.Take(heap));
    }

    [Fact]
    public void A_cycle_that_is_given_up_leaves_the_heap_as_it_was()
    {
        using TracedHeap heap = ConcurrentCycle.MakeHeap();
        Make(heap, 1000);
        ConcurrentCycle.Begin(heap);
        Make(heap, 1000);
        Assert.True(heap.Parts.Gate.TryClose(TimeSpan.FromSeconds(10), out _));
        heap.Parts.Cycle.AbandonConcurrent(Stopwatch.GetTimestamp());
        heap.Verify();

        Assert.Equal((0L, false), (heap.GetStatistics().Collections, heap.Parts.Shading.IsOn));
        heap.CollectAndSweep();
        Assert.Equal((0L, 0L), TracedCensus.Take(heap));
    }

    [Fact]
    public void Without_memory_for_the_pages_that_threads_shade_all_is_marked_at_the_end()
    {
        const int Count = 20_000;
        using TracedHeap heap = ConcurrentCycle.MakeHeap();
        TracedHandle<TracedArray<Node>> array;
        using (TracedScope scope = heap.Enter())
        {
            TracedRef<TracedArray<Node>> made = scope.NewArray<Node>(Count);
            for (int i = 0; i < Count; i++)
            {
                TracedRef<Node> node = scope.New<Node>();
                node.Value.Left.Set(scope, scope.New<Node>());
                made.Value[i].Set(scope, node);
            }

            array = scope.Keep(made);
        }

        ConcurrentCycle.Begin(heap);
        List<nint> chunks = TakeAll(heap);
        heap.Core.Os.FailAfter(0);
        using (TracedScope scope = heap.Enter())
        {
            for (int i = 0; i < Count; i++)
            {
                array.Get(scope).Value[i].Set(scope, scope.Null<Node>());
            }
        }

        heap.Core.Os.FailAfter(-1);
        chunks.ForEach(chunk => heap.Parts.Team.Queue.Chunks.Give((MarkChunk*)chunk));
        Assert.True(heap.Parts.Shading.Overflowed);
        ConcurrentCycle.End(heap);
        Assert.Equal((2L * Count, 1L), TracedCensus.Take(heap));
    }

    [Fact]
    [Unguarded("a cache has many slots of a span")]
    public void A_store_shades_a_page_once_until_the_marker_has_looked_at_it()
    {
        using TracedHeap heap = ConcurrentCycle.MakeHeap();
        TracedHandle<TracedArray<Node>> array;
        using (TracedScope scope = heap.Enter())
        {
            TracedRef<TracedArray<Node>> made = scope.NewArray<Node>(100);
            for (int i = 0; i < 100; i++)
            {
                made.Value[i].Set(scope, scope.New<Node>());
            }

            array = scope.Keep(made);
        }

        ConcurrentCycle.Begin(heap);
        using (TracedScope scope = heap.Enter())
        {
            for (int i = 0; i < 100; i++)
            {
                array.Get(scope).Value[i].Set(scope, scope.Null<Node>());
            }
        }

        Assert.True(heap.Parts.Shading.GivePages());
        MarkChunk* given = heap.Parts.Team.Queue.Take();
        Assert.InRange(given->Count, 1, 2);
        heap.Parts.Team.Queue.Give(given);
        ConcurrentCycle.End(heap);
        Assert.Equal((101L, 0L), TracedCensus.Take(heap));
    }

    private static void Make(TracedHeap heap, int count)
    {
        using TracedScope scope = heap.Enter();
        for (int i = 0; i < count; i++)
        {
            scope.New<Node>();
        }
    }

    private static List<nint> TakeAll(TracedHeap heap)
    {
        heap.Core.Os.FailAfter(0);
        List<nint> chunks = [];
        MarkChunk* chunk;
        while ((chunk = heap.Parts.Team.Queue.Chunks.Take()) != null)
        {
            chunks.Add((nint)chunk);
        }

        heap.Core.Os.FailAfter(-1);
        return chunks;
    }
}
