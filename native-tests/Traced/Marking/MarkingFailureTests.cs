using SpanHeap.Traced;
using SpanHeap.Traced.Marking;

namespace SpanHeap.Tests.Traced.Marking;

/// <summary>Marking that cannot be done as usual leaves the heap whole.</summary>
public sealed unsafe class MarkingFailureTests
{
    private static bool s_refuses;

    private static readonly TracedLayout s_layout = TracedLayout.Custom(&Trace);

    // As many live bytes as make helpers worth their while.
    private const int ManyNodes = 400_000;

    [Fact]
    public void An_exception_of_a_trace_function_reaches_the_collecting_thread_and_leaves_no_mark()
    {
        using TracedHeap heap = TracedHeaps.Still();
        using (TracedScope scope = heap.Enter())
        {
            TracedRef<Node> list = MakeList(scope, ManyNodes);
            TracedRef<byte> block = scope.NewBytes(s_layout, 32);
            *(nint*)block.Address = list.Address;
            scope.Keep(block);
            scope.Keep(MakeList(scope, 1000));
            scope.New<Node>();
        }

        s_refuses = true;
        Assert.IsType<NotSupportedException>(Assert.Throws<InvalidOperationException>(heap.Collect).InnerException);
        s_refuses = false;
        heap.Verify();
        heap.CollectAndSweep();

        Assert.Equal((ManyNodes + 1001L, 0L), TracedCensus.Take(heap));
        Assert.Equal(1, heap.Parts.Statistics.SmallBlocksFreed);
    }

    [Fact]
    public void Without_memory_to_remember_pointers_all_is_marked_in_more_passes()
    {
        const int Handles = 40_000;
        using TracedHeap heap = TracedHeaps.Still();
        using (TracedScope scope = heap.Enter())
        {
            // Wide and deep: an array of arrays, whose elements lie on more pages than two chunks have room for, and trees after them.
            TracedRef<TracedArray<TracedArray<Node>>> outer = scope.NewArray<TracedArray<Node>>(700);
            for (int i = 0; i < 700; i++)
            {
                TracedRef<TracedArray<Node>> inner = scope.NewArray<Node>(600);
                for (int j = 0; j < 600; j++)
                {
                    inner.Value[j].Set(scope, MakeList(scope, 1));
                }

                outer.Value[i].Set(scope, inner);
            }

            scope.Keep(outer);
            scope.Keep(MakeTree(scope, 12));

            for (int i = 0; i < Handles; i++)
            {
                scope.Keep(MakeList(scope, 2));
            }
        }

        List<nint> chunks = TakeAllButTwo(heap);
        heap.Core.Os.FailAfter(0);
        heap.Collect();
        heap.Core.Os.FailAfter(-1);
        chunks.ForEach(chunk => heap.Parts.Team.Queue.Chunks.Give((MarkChunk*)chunk));
        Assert.InRange(heap.Parts.Team.Repair.LastWalks, 1, 1000);
        heap.FinishSweeping();
        heap.Verify();

        Assert.Equal(1 + 700 + (700 * 600) + ((1 << 13) - 1) + (2L * Handles), Sum(TracedCensus.Take(heap)));
        Assert.Equal(0, heap.Parts.Statistics.SmallBlocksFreed);
    }

    [Fact]
    public void A_thread_that_is_interrupted_while_it_collects_lets_its_helpers_end()
    {
        using TracedHeap heap = TracedHeaps.Still();
        using (TracedScope scope = heap.Enter())
        {
            scope.Keep(MakeTree(scope, 18));
        }

        for (int round = 0; round < 5; round++)
        {
            Thread.CurrentThread.Interrupt();
            bool interrupted = false;
            try
            {
                heap.Collect();
                Thread.Sleep(1);
            }
            catch (ThreadInterruptedException)
            {
                interrupted = true;
            }

            Assert.True(interrupted);
            heap.CollectAndSweep();
            Assert.Equal(((1 << 19) - 1, 0L), TracedCensus.Take(heap));
        }
    }

    // As many as one marker needs stay.
    private static List<nint> TakeAllButTwo(TracedHeap heap)
    {
        MarkChunks chunks = heap.Parts.Team.Queue.Chunks;
        List<nint> taken = [];
        heap.Core.Os.FailAfter(0);
        for (MarkChunk* chunk = chunks.Take(); chunk != null; chunk = chunks.Take())
        {
            taken.Add((nint)chunk);
        }

        heap.Core.Os.FailAfter(-1);
        foreach (nint chunk in taken[..2])
        {
            chunks.Give((MarkChunk*)chunk);
        }

        return taken[2..];
    }

    private static long Sum((long Small, long Large) census) => census.Small + census.Large;

    private static TracedRef<Node> MakeList(in TracedScope scope, int length)
    {
        TracedRef<Node> list = scope.Null<Node>();
        for (int i = 0; i < length; i++)
        {
            TracedRef<Node> node = scope.New<Node>();
            node.Value.Left.Set(scope, list);
            list = node;
        }

        return list;
    }

    private static TracedRef<Node> MakeTree(in TracedScope scope, int depth)
    {
        TracedRef<Node> node = scope.New<Node>();
        if (depth > 0)
        {
            node.Value.Left.Set(scope, MakeTree(scope, depth - 1));
            node.Value.Right.Set(scope, MakeTree(scope, depth - 1));
        }

        return node;
    }

    private static void Trace(nint block, TracedVisitor context)
    {
        if (s_refuses)
        {
            throw new NotSupportedException();
        }

        context.Visit(*(nint*)block);
    }
}
