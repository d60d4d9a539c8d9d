using SpanHeap.Tests.Support;
using SpanHeap.Traced;

namespace SpanHeap.Tests.Traced.Sweeping;

/// <summary>Pages that had blocks of one span class and have those of another.</summary>
[Trait("Category", "Protocol")]
public sealed class ReuseTests
{
    private const int Count = 2000;

    [Fact]
    [Unguarded("pages in quarantine are not used again")]
    public void S12_What_looks_like_a_reference_in_a_block_without_any_keeps_nothing_where_references_were()
    {
        using TracedHeap heap = TracedHeaps.Still();
        nint place = MakeNodes(heap, kept: false);
        heap.CollectAndSweep();
        using (TracedScope scope = heap.Enter())
        {
            bool same = false;
            for (int i = 0; i < Count; i++)
            {
                TracedRef<Leaf> leaf = scope.New<Leaf>();
                same |= leaf.Address == place;
                leaf.Value.Address = scope.New<Node>().Address;
                scope.Keep(leaf);
            }

            Assert.True(same, "The pages were to be used again.");
        }

        heap.CollectAndSweep();

        Assert.Equal((Count, 0), TracedCensus.Take(heap));
    }

    [Fact]
    [Unguarded("pages in quarantine are not used again")]
    public void S12_References_are_followed_where_blocks_without_any_were_and_begin_as_nothing()
    {
        using TracedHeap heap = TracedHeaps.Still();
        nint place;
        using (TracedScope scope = heap.Enter())
        {
            place = scope.New<Leaf>().Address;
            for (int i = 1; i < Count; i++)
            {
                scope.New<Leaf>().Value.Address = -1;
            }
        }

        heap.CollectAndSweep();
        Assert.Equal(place, MakeNodes(heap, kept: true));
        heap.CollectAndSweep();

        Assert.Equal((2 * Count, 0), TracedCensus.Take(heap));
    }

    // So many nodes that each refer to one more.
    private static nint MakeNodes(TracedHeap heap, bool kept)
    {
        using TracedScope scope = heap.Enter();
        nint first = 0;
        for (int i = 0; i < Count; i++)
        {
            TracedRef<Node> node = scope.New<Node>();
            first = first == 0 ? node.Address : first;
            Assert.True(node.Value.Left.IsNull && node.Value.Right.IsNull && node.Value.Value == 0);
            node.Value.Right.Set(scope, scope.New<Node>());
            if (kept)
            {
                scope.Keep(node);
            }
        }

        return first;
    }
}
