using SpanHeap.Traced;

namespace SpanHeap.Tests.Traced.Layouts;

/// <summary>Arrays of references, many elements at once.</summary>
public sealed class ReferenceRangeTests
{
    private const int Length = 10;

    [Theory]
    [InlineData(0, 0, 10)]
    [InlineData(0, 3, 7)]
    [InlineData(3, 0, 7)]
    [InlineData(2, 4, 0)]
    [InlineData(10, 10, 0)]
    public void Parts_are_copied_also_where_they_overlap(int start, int to, int length)
    {
        using TracedHeap heap = TracedHeaps.Still(HeapChecks.Full);
        using TracedScope scope = heap.Enter();
        TracedRef<TracedArray<Node>> array = Numbered(scope);
        TracedRef<TracedArray<Node>> other = scope.NewArray<Node>(Length);
        long[] expected = [.. Enumerable.Range(0, Length)];
        Array.Copy(expected, start, expected, to, length);
        array.Value.CopyTo(scope, start, other, to, length);
        array.Value.CopyTo(scope, start, array, to, length);
        for (int i = 0; i < Length; i++)
        {
            Assert.Equal(expected[i], array.Value[i].Get(scope).Value.Value);
            Assert.Equal(i < to || i >= to + length, other.Value[i].IsNull);
        }
    }

    [Fact]
    public void Elements_are_filled_and_cleared()
    {
        using TracedHeap heap = TracedHeaps.Still(HeapChecks.Full);
        TracedHandle<TracedArray<Node>> kept;
        using (TracedScope scope = heap.Enter())
        {
            TracedRef<TracedArray<Node>> array = Numbered(scope);
            kept = scope.Keep(array);
            TracedRef<Node> node = scope.New<Node>();
            array.Value.Fill(scope, node, 2, 3);
            Assert.True(array.Value[2].Get(scope).Is(node) && array.Value[4].Get(scope).Is(node));
            Assert.False(array.Value[1].Get(scope).Is(node) || array.Value[5].Get(scope).Is(node));
            array.Value.Clear(scope, 5, 5);
        }

        heap.CollectAndSweep();
        Assert.Equal((4L, 0L), TracedCensus.Take(heap));
        using (TracedScope scope = heap.Enter())
        {
            kept.Get(scope).Value.Fill(scope, kept.Get(scope).Value[2].Get(scope));
        }

        heap.CollectAndSweep();
        Assert.Equal((2L, 0L), TracedCensus.Take(heap));
        using (TracedScope scope = heap.Enter())
        {
            kept.Get(scope).Value.Clear(scope);
        }

        heap.CollectAndSweep();
        Assert.Equal((1L, 0L), TracedCensus.Take(heap));
    }

    [Theory]
    [InlineData(-1, 1)]
    [InlineData(0, 11)]
    [InlineData(11, 0)]
    [InlineData(0, -1)]
    [InlineData(long.MaxValue, 1)]
    [InlineData(1, long.MaxValue)]
    public void Parts_that_are_not_there_are_refused_before_anything_changes(long start, long length)
    {
        AssertRefused((scope, array) => array.Value.CopyTo(scope, start, array, 0, length));
        AssertRefused((scope, array) => array.Value.CopyTo(scope, 0, array, start, length));
        AssertRefused((scope, array) => array.Value.Fill(scope, default, start, length));
        AssertRefused((scope, array) => array.Value.Clear(scope, start, length));
    }

    [Fact]
    public void An_array_that_is_none_is_no_destination()
    {
        using TracedHeap heap = TracedHeaps.Still();
        Assert.Throws<NullReferenceException>(() =>
        {
            using TracedScope scope = heap.Enter();
            Numbered(scope).Value.CopyTo(scope, 0, default, 0, 1);
        });
    }

    [Fact]
    public void With_full_checks_arrays_are_filled_with_blocks_only()
    {
        using TracedHeap heap = TracedHeaps.Still(HeapChecks.Full);
        Assert.Throws<HeapCorruptionException>(() =>
        {
            using TracedScope scope = heap.Enter();
            TracedRef<TracedArray<Node>> array = Numbered(scope);
            array.Value.Fill(scope, new TracedRef<Node>(array.Address + 8), 0, 0);
        });
    }

    private static void AssertRefused(Use use)
    {
        using TracedHeap heap = TracedHeaps.Still(HeapChecks.Full);
        TracedHandle<TracedArray<Node>> kept;
        using (TracedScope scope = heap.Enter())
        {
            kept = scope.Keep(Numbered(scope));
        }

        Assert.Throws<ArgumentOutOfRangeException>(() =>
        {
            using TracedScope scope = heap.Enter();
            use(scope, kept.Get(scope));
        });
        using TracedScope look = heap.Enter();
        for (int i = 0; i < Length; i++)
        {
            Assert.Equal(i, kept.Get(look).Value[i].Get(look).Value.Value);
        }
    }

    private static TracedRef<TracedArray<Node>> Numbered(in TracedScope scope)
    {
        TracedRef<TracedArray<Node>> array = scope.NewArray<Node>(Length);
        for (int i = 0; i < Length; i++)
        {
            TracedRef<Node> node = scope.New<Node>();
            node.Value.Value = i;
            array.Value[i].Set(scope, node);
        }

        return array;
    }

    private delegate void Use(TracedScope scope, TracedRef<TracedArray<Node>> array);
}
