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

    private static readonly TimeSpan s_longest = TimeSpan.FromSeconds(30);

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
    public void A_thread_that_waits_gets_a_whole_marking()
    {
        using TracedHeap heap = Make();
        TracedHandle<Node> chain = MakeChain(heap, ManyPages);
        for (int i = 0; i < 5; i++)
        {
            Assert.True(heap.Parts.Concurrent!.TryBegin(CollectionReason.Idle));
            Assert.True(SpinWait.SpinUntil(() => heap.Parts.Shading.IsOn, s_longest));
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
            TracedHeap heap = Make();
            MakeChain(heap, ManyPages);
            Assert.True(heap.Parts.Concurrent!.TryBegin(CollectionReason.Idle));
            Assert.True(SpinWait.SpinUntil(() => heap.Parts.Shading.IsOn, s_longest));
            heap.Dispose();
            Assert.False(heap.Parts.Concurrent.IsUnderWay);
        }
    }

    [Fact]
    public void An_idle_collection_takes_back_what_caches_hold()
    {
        using TracedHeap heap = Make();
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
        Assert.True(SpinWait.SpinUntil(() => heap.Parts.Spans.PagesInUse == 0, s_longest));
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

    private static TracedHeap Make() => new(new TracedHeapOptions
    {
        Concurrent = true,
        MinimumBytes = nuint.MaxValue >> 2,
        ScavengeDelay = Timeout.InfiniteTimeSpan,
        IdleDelay = Timeout.InfiniteTimeSpan,
        VerifyMarking = true,
    });

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
