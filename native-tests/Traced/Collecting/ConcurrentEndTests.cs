using SpanHeap.Tests.Support;
using SpanHeap.Traced;
using SpanHeap.Traced.Marking;

namespace SpanHeap.Tests.Traced.Collecting;

/// <summary>How a marking ends that goes on beside threads: as it is, in a hurry, or with the heap.</summary>
[Unguarded("it makes millions of blocks, some microseconds each", Samples = true)]
public sealed unsafe class ConcurrentEndTests
{
    private const int NodesPerPage = 256;

    // So many pages that marking takes a while: the marker looks up many times whether somebody waits.
    private const int ManyPages = 4000;

    [Fact]
    public void Marking_a_page_at_a_time_marks_all()
    {
        using TracedHeap heap = ConcurrentCycle.MakeHeap();
        List<TracedHandle<Node>> kept = MakeRoots(heap, 30);
        ConcurrentCycle.Begin(heap);
        while (!heap.Parts.Marking.TryMarkConcurrent(1))
        {
        }

        ConcurrentCycle.End(heap);
        Assert.Equal((60L, 0L), TracedCensus.Take(heap));
        kept.ForEach(static handle => handle.Dispose());
    }

    [Fact]
    public void What_is_left_when_the_gate_closes_in_a_hurry_is_marked_by_several_if_it_is_much()
    {
        const int Many = 300_000;
        using TracedHeap heap = ConcurrentCycle.MakeHeap();
        using TracedRoots<Node> roots = heap.CreateRoots<Node>(1);
        using (TracedScope scope = heap.Enter())
        {
            ConcurrentHeaps.MakeList(scope, roots, Many);
        }

        ConcurrentCycle.Begin(heap);
        ConcurrentCycle.End(heap, hurries: true);
        Assert.Equal(Math.Min(4, Environment.ProcessorCount), heap.LastCollection!.MarkThreads);
        long live = heap.LastCollection.BytesAfter;
        heap.CollectAndSweep();
        Assert.Equal((Many, live), (TracedCensus.Take(heap).Small, heap.LastCollection.BytesAfter));
    }

    [Fact]
    public void What_is_left_when_the_gate_closes_in_a_hurry_is_marked_by_one_if_it_is_little()
    {
        using TracedHeap heap = ConcurrentCycle.MakeHeap();
        List<TracedHandle<Node>> kept = MakeRoots(heap, 30);
        ConcurrentCycle.Begin(heap);
        ConcurrentCycle.End(heap, hurries: true);
        Assert.Equal((1, 60L), (heap.LastCollection!.MarkThreads, TracedCensus.Take(heap).Small));
        kept.ForEach(static handle => handle.Dispose());
    }

    [Fact]
    public void A_thread_that_waits_gets_a_whole_marking()
    {
        using TracedHeap heap = ConcurrentHeaps.MakeStill();
        TracedHandle<Node> chain = MakeChain(heap, ManyPages);
        for (int i = 0; i < 5; i++)
        {
            Assert.True(heap.Parts.Concurrent!.TryBegin(CollectionReason.Idle));
            Assert.True(SpinWait.SpinUntil(() => heap.Parts.Shading.IsOn, ConcurrentHeaps.Longest));
            heap.Collect();
            heap.Verify();
        }

        chain.Dispose();
    }

    [Fact]
    public void A_heap_is_disposed_while_a_long_chain_is_marked()
    {
        for (int i = 0; i < 5; i++)
        {
            TracedHeap heap = ConcurrentHeaps.MakeStill();
            MakeChain(heap, ManyPages);
            Assert.True(heap.Parts.Concurrent!.TryBegin(CollectionReason.Idle));
            Assert.True(SpinWait.SpinUntil(() => heap.Parts.Shading.IsOn, ConcurrentHeaps.Longest));
            heap.Dispose();
            Assert.False(heap.Parts.Concurrent.IsUnderWay);
        }
    }

    [Fact]
    public void An_idle_collection_takes_back_what_caches_hold()
    {
        using TracedHeap heap = ConcurrentHeaps.MakeStill();
        using (TracedScope scope = heap.Enter())
        {
            for (int i = 0; i < 20_000; i++)
            {
                scope.New<Node>();
            }
        }

        Assert.True(heap.Parts.Concurrent!.TryBegin(CollectionReason.Idle));
        heap.Parts.Collector.AwaitEnd();
        Assert.True(heap.LastCollection!.IsConcurrent);
        Assert.True(SpinWait.SpinUntil(() => heap.Parts.Spans.PagesInUse == 0, ConcurrentHeaps.Longest));
    }

    [Fact]
    public void A_marking_keeps_the_chunks_it_has_when_the_gate_opens()
    {
        using TracedHeap heap = ConcurrentCycle.MakeHeap();
        List<TracedHandle<Node>> kept = MakeRoots(heap, 30);
        MarkChunks all = heap.Parts.Team.Queue.Chunks;
        List<nint> chunks = [];
        for (int i = 0; i < 64; i++)
        {
            chunks.Add((nint)all.Take());
        }

        ConcurrentCycle.Begin(heap);
        ConcurrentCycle.Mark(heap);
        chunks.ForEach(chunk => all.Give((MarkChunk*)chunk));
        ConcurrentCycle.End(heap);
        Assert.Equal((60L, 0L), TracedCensus.Take(heap));
        kept.ForEach(static handle => handle.Dispose());
    }

    [Fact]
    public void A_heap_is_disposed_while_it_is_marked()
    {
        for (int i = 0; i < 20; i++)
        {
            TracedHeap heap = ConcurrentHeaps.Make();
            ConcurrentHeaps.MakeGarbage(heap, 20_000);
            using (heap.Enter())
            {
            }

            heap.Dispose();
            Assert.True(heap.IsDisposed);
        }
    }

    [Fact]
    public void No_collection_marks_after_a_heap_is_disposed_whose_clean_up_made_blocks()
    {
        TracedHeap heap = ConcurrentHeaps.Make();
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
                        ConcurrentHeaps.MakeGarbage(heap, 1000);
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
    public void A_collection_whose_turn_comes_too_late_is_none_and_no_error()
    {
        using TracedHeap heap = ConcurrentHeaps.Make();
        heap.Parts.Collector.LongestWait = TimeSpan.FromMilliseconds(50);
        using (heap.BeginMark())
        {
            Assert.True(heap.Parts.Concurrent!.TryBegin(CollectionReason.Idle));
            Assert.True(SpinWait.SpinUntil(() => !heap.Parts.Concurrent.IsUnderWay, ConcurrentHeaps.Longest));
        }

        Assert.Equal(0, heap.GetStatistics().Collections);
        ConcurrentHeaps.MakeUntilCollected(heap);
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

    // Roots on pages of their own, each with a block behind it.
    private static List<TracedHandle<Node>> MakeRoots(TracedHeap heap, int count)
    {
        List<TracedHandle<Node>> kept = [];
        using TracedScope scope = heap.Enter();
        for (int i = 0; i < count; i++)
        {
            TracedRef<Node> node = scope.New<Node>();
            kept.Add(scope.Keep(node));
            for (int filler = 0; filler < NodesPerPage; filler++)
            {
                scope.New<Node>();
            }

            node.Value.Left.Set(scope, scope.New<Node>());
        }

        return kept;
    }

    private static TracedHandle<Node> MakeChain(TracedHeap heap, int pages)
    {
        using TracedScope scope = heap.Enter();
        TracedRef<Node> first = scope.New<Node>();
        for (int i = 1; i < pages * NodesPerPage; i++)
        {
            TracedRef<Node> node = scope.New<Node>();
            node.Value.Left.Set(scope, first);
            first = node;
        }

        return scope.Keep(first);
    }
}
