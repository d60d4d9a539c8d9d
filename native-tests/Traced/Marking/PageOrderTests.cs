using SpanHeap.Pages;
using SpanHeap.Tests.Support;
using SpanHeap.Traced;
using SpanHeap.Traced.Marking;
using SpanHeap.Traced.Spans;
using SpanHeap.Traced.Sweeping;

namespace SpanHeap.Tests.Traced.Marking;

/// <summary>A page is looked at when its turn comes, together with all of its blocks that have been reached until then.</summary>
[Unguarded("guarded blocks have pages of their own")]
public sealed unsafe class PageOrderTests
{
    private const int Nodes = 20_000;

    [Theory]
    [InlineData(1)]
    [InlineData(Nodes - 1)]
    [InlineData(7919)]
    public void A_list_is_marked_whole_in_whatever_order_its_nodes_lie(int step)
    {
        using TracedHeap heap = TracedHeaps.Still();
        using (TracedScope scope = heap.Enter())
        {
            nint[] nodes = Make(scope);
            for (int i = 0; i < Nodes - 1; i++)
            {
                TracedRef<Node> node = scope.At<Node>(nodes[At(i)]);
                node.Value.Left.Set(scope, scope.At<Node>(nodes[At(i + 1)]));
            }

            scope.Keep(scope.At<Node>(nodes[0]));
        }

        heap.CollectAndSweep();

        Assert.Equal((Nodes, 0L), TracedCensus.Take(heap));

        // The steps have no divisor in common with the number of nodes.
        int At(int index) => (int)((long)index * step % Nodes);
    }

    [Fact]
    public void Blocks_that_are_reached_wait_until_their_page_is_looked_at_and_none_waits_in_the_end()
    {
        using TracedHeap heap = TracedHeaps.Still();
        nint[] nodes;
        using (TracedScope scope = heap.Enter())
        {
            nodes = Make(scope);
        }

        using MarkQueue queue = new(heap.Core.Os, heap.Core.Metadata);
        uint bitmap = SweepGeneration.MarkBitmap(heap.Parts.Sweeper.Generation);
        Marker marker = new(queue, heap.Parts.Team.Weak, bitmap, shared: false);
        queue.Begin(1);
        foreach (nint node in nodes)
        {
            marker.Visit(node);
            Assert.True(TracedBits.IsSet(node, bitmap) && TracedBits.IsSet(node, TracedBits.Waiting));
            Assert.Equal(1, *TracedBits.QueuedOf(node & -PageGeometry.PageSize));
        }

        Assert.Equal(0, marker.BytesMarked);
        marker.Drain();

        Assert.Equal(Nodes * (long)SlotBytes(nodes), marker.BytesMarked);
        Assert.All(nodes, node =>
        {
            Assert.True(TracedBits.IsSet(node, bitmap) && !TracedBits.IsSet(node, TracedBits.Waiting));
            Assert.Equal(0, *TracedBits.QueuedOf(node & -PageGeometry.PageSize));
        });
        marker.Release();
    }

    private static nint SlotBytes(nint[] nodes) => nodes.Zip(nodes.Skip(1)).Min(static pair => Math.Abs(pair.Second - pair.First));

    private static nint[] Make(in TracedScope scope)
    {
        nint[] nodes = new nint[Nodes];
        for (int i = 0; i < Nodes; i++)
        {
            nodes[i] = scope.New<Node>().Address;
        }

        return nodes;
    }
}
