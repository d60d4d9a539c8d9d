using SpanHeap.Traced;

namespace SpanHeap.Tests.Traced.Layouts;

/// <summary>Structs whose layout is generated: collections find what they refer to, by way of their properties or not.</summary>
public sealed class TracedStructTests
{
    [Theory]
    [InlineData(HeapChecks.Standard)]
    [InlineData(HeapChecks.Full)]
    public void All_references_of_a_struct_keep_what_they_refer_to(HeapChecks checks)
    {
        using TracedHeap heap = TracedHeaps.Still(checks);
        using TracedRoots<Branch> roots = heap.CreateRoots<Branch>(1);
        using (TracedScope scope = heap.Enter())
        {
            TracedRef<Branch> root = Leaf(scope, 1);
            root.Left = Leaf(scope, 2);
            root.Right = Leaf(scope, 3);
            root.Value.Hide(scope, Leaf(scope, 4));
            for (int end = 0; end < 3; end++)
            {
                root.Ends.All[end].Set(scope, Leaf(scope, 5 + end).As<byte>());
            }

            Leaf(scope, 8);
            roots.Set(scope, 0, root);
        }

        heap.CollectAndSweep();

        using (TracedScope scope = heap.Enter())
        {
            TracedRef<Branch> root = roots.Get(scope, 0);
            Assert.Equal((1L, 2L, 3L, 4L), (root.Key, root.Left.Key, root.Right.Key, root.Value.Hidden(scope).Key));
            for (int end = 0; end < 3; end++)
            {
                Assert.Equal(5 + end, root.Ends.All[end].Get(scope).As<Branch>().Key);
            }
        }

        Assert.Equal((7L, 0L), TracedCensus.Take(heap));
    }

    [Fact]
    public void A_generic_struct_keeps_what_its_argument_refers_to()
    {
        using TracedHeap heap = TracedHeaps.Still(HeapChecks.Full);
        using TracedHandle<Couple<Branch, int>> kept = KeepCouple(heap);

        heap.CollectAndSweep();

        using (TracedScope scope = heap.Enter())
        {
            TracedRef<Couple<Branch, int>> couple = kept.Get(scope).Next;
            Assert.Equal((7, 9L), (couple.Second, couple.First.Right.Get(scope).Key));
        }

        Assert.Equal((3L, 0L), TracedCensus.Take(heap));
    }

    [Fact]
    public void Elements_of_arrays_may_be_generated_for()
    {
        using TracedHeap heap = TracedHeaps.Still(HeapChecks.Full);
        using TracedScope scope = heap.Enter();
        TracedRef<TracedElements<Branch>> elements = scope.NewElements<Branch>(10);
        elements.Value[9].Left.Set(scope, Leaf(scope, 3));
        using TracedHandle<TracedElements<Branch>> kept = scope.Keep(elements);

        scope.Yield();

        Assert.Equal(3, kept.Get(scope).Value[9].Left.Get(scope).Key);
    }

    [Fact]
    public void Where_each_field_lies_is_what_the_runtime_says()
    {
        Assert.Equal(TracedLayout.OfFields(72, 8, 24, 40, 48, 56, 64), Branch.Layout);
        Assert.Equal(TracedLayout.OfFields(8016, 8000), Broad.Layout);
    }

    private static TracedHandle<Couple<Branch, int>> KeepCouple(TracedHeap heap)
    {
        using TracedScope scope = heap.Enter();
        TracedRef<Couple<Branch, int>> first = scope.New<Couple<Branch, int>>();
        TracedRef<Couple<Branch, int>> second = scope.New<Couple<Branch, int>>();
        first.Next = second;
        second.Second = 7;
        second.First.Right.Set(scope, Leaf(scope, 9));
        return scope.Keep(first);
    }

    private static TracedRef<Branch> Leaf(in TracedScope scope, long key)
    {
        TracedRef<Branch> leaf = scope.New<Branch>();
        leaf.Key = key;
        leaf.Tag = byte.MaxValue;
        return leaf;
    }
}
