using System.Runtime.CompilerServices;
using SpanHeap.Traced;

namespace SpanHeap.Tests.Traced.Layouts;

/// <summary>Arrays of values, and of structs that lie side by side.</summary>
public sealed class ArrayTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(1000)]
    [InlineData(1_000_000)]
    public void Arrays_of_values_hold_what_is_written(int length)
    {
        using TracedHeap heap = TracedHeaps.Still();
        TracedHandle<TracedValues<int>> kept;
        using (TracedScope scope = heap.Enter())
        {
            TracedRef<TracedValues<int>> array = scope.NewValues<int>(length);
            Span<int> all = array.Value.AsSpan();
            Assert.Equal((length, (long)length), (all.Length, array.Value.Length));
            Assert.False(all.ContainsAnyExcept(0));
            for (int i = 0; i < length; i++)
            {
                array.Value[i] = i;
            }

            kept = scope.Keep(array);
        }

        heap.CollectAndSweep();
        using TracedScope look = heap.Enter();
        Assert.Equal(Enumerable.Range(0, length), kept.Get(look).Value.AsSpan().ToArray());
        Assert.Equal(Enumerable.Range(length / 2, length / 2), kept.Get(look).Value.AsSpan(length / 2, length / 2).ToArray());
    }

    [Fact]
    public unsafe void Elements_of_a_layout_made_at_run_time_keep_what_they_refer_to()
    {
        using TracedHeap heap = TracedHeaps.Still();
        TracedLayout layout = TracedLayout.OfElements(24, 16);
        TracedHandle<byte> kept;
        using (TracedScope scope = heap.Enter())
        {
            TracedRef<byte> array = scope.NewElements(layout, 3);
            Assert.Equal(3, *(long*)array.Address);
            ((Traced<Node>*)(array.Address + sizeof(long) + (2 * 24) + 16))->Set(scope, scope.New<Node>());
            scope.New<Node>();
            kept = scope.Keep(array);
        }

        heap.CollectAndSweep();
        Assert.Equal((2L, 0L), TracedCensus.Take(heap));
        kept.Dispose();
        Assert.Throws<ArgumentException>(() =>
        {
            using TracedScope scope = heap.Enter();
            scope.NewElements(TracedLayout.NoPointers, 1);
        });
    }

    [Fact]
    public void Parts_that_are_not_there_are_refused()
    {
        using TracedHeap heap = TracedHeaps.Still();
        foreach ((long start, int length) in ((long, int)[])[(-1, 1), (0, 6), (6, 0), (5, 1), (0, -1), (long.MaxValue, 1), (long.MinValue, int.MaxValue)])
        {
            Assert.Throws<ArgumentOutOfRangeException>(() =>
            {
                using TracedScope scope = heap.Enter();
                scope.NewValues<byte>(5).Value.AsSpan(start, length);
            });
        }

        foreach (long index in (long[])[-1, 5, long.MaxValue])
        {
            Assert.Throws<IndexOutOfRangeException>(() =>
            {
                using TracedScope scope = heap.Enter();
                _ = scope.NewValues<byte>(5).Value[index];
            });
            Assert.Throws<IndexOutOfRangeException>(() =>
            {
                using TracedScope scope = heap.Enter();
                _ = scope.NewElements<Node>(5).Value[index].Value;
            });
        }
    }

    [Fact]
    public void Values_with_references_are_refused()
    {
        using TracedHeap heap = TracedHeaps.Still();
        AssertRefused<Traced<Node>>(heap);
        AssertRefused<Element>(heap);
        AssertRefused<(int, Element)>(heap);
        AssertRefused<Table>(heap);
        using TracedScope scope = heap.Enter();
        scope.NewValues<(int, double, nint, Guid)>(3);
        scope.NewValues<HeapChecks>(3);
        scope.NewValues<Sized7>(3);
    }

    [Theory]
    [InlineData(10)]
    [InlineData(300)]
    [InlineData(50_000)]
    public void Of_structs_side_by_side_the_references_are_followed(int length)
    {
        using TracedHeap heap = TracedHeaps.Still();
        using (TracedScope scope = heap.Enter())
        {
            TracedRef<TracedElements<Node>> array = scope.NewElements<Node>(length);
            for (int i = 0; i < length; i++)
            {
                array.Value[i].Left.Set(scope, Make(scope));
                array.Value[i].Right.Set(scope, Make(scope));
                array.Value[i].Value = Make(scope).Address;
            }

            scope.Keep(array);
        }

        heap.CollectAndSweep();

        Assert.Equal(length, heap.GetStatistics().SmallBlocksFreed);
        Assert.Equal((2L * length) + 1, TracedCensus.Take(heap) is var (small, large) ? small + large : 0);
    }

    [Fact]
    public void Of_wide_structs_side_by_side_the_references_are_followed()
    {
        using TracedHeap heap = TracedHeaps.Still();
        using (TracedScope scope = heap.Enter())
        {
            TracedRef<TracedElements<WideNode>> array = scope.NewElements<WideNode>(4);
            for (int i = 0; i < 4; i++)
            {
                array.Value[i].First.Set(scope, Make(scope));
                array.Value[i].Last.Set(scope, Make(scope));
                array.Value[i].NoPointer = Make(scope).Address;
            }

            scope.Keep(array);
        }

        heap.CollectAndSweep();
        Assert.Equal((9L, 0L), TracedCensus.Take(heap));
    }

    [Fact]
    public void Structs_without_references_lie_side_by_side_as_well()
    {
        using TracedHeap heap = TracedHeaps.Still();
        using (TracedScope scope = heap.Enter())
        {
            TracedRef<TracedElements<Leaf>> array = scope.NewElements<Leaf>(4);
            array.Value[3].Address = Make(scope).Address;
            Assert.Equal(4, array.Value.Length);
            scope.Keep(array);
        }

        heap.CollectAndSweep();
        Assert.Equal((1L, 0L), TracedCensus.Take(heap));
    }

    [Fact]
    public void Types_whose_layout_does_not_fit_are_refused_as_often_as_they_are_used()
    {
        using TracedHeap heap = TracedHeaps.Still();
        for (int i = 0; i < 2; i++)
        {
            AssertLayoutRefused<Table>(heap, single: true);
            AssertLayoutRefused<Table>(heap, single: false);
            AssertLayoutRefused<TooSmall>(heap, single: true);
            AssertLayoutRefused<TooSmall>(heap, single: false);
            AssertLayoutRefused<WithoutLayout>(heap, single: true);
            AssertLayoutRefused<WithoutLayout>(heap, single: false);
        }
    }

    [Theory]
    [InlineData(100_000_000)]
    [InlineData(long.MaxValue / 48)]
    [InlineData(long.MaxValue)]
    public void Arrays_larger_than_an_arena_are_refused(long length)
    {
        using TracedHeap heap = TracedHeaps.Still();
        Assert.Throws<OutOfMemoryException>(() =>
        {
            using TracedScope scope = heap.Enter();
            scope.NewValues<byte>(length);
        });
        Assert.Throws<OutOfMemoryException>(() =>
        {
            using TracedScope scope = heap.Enter();
            scope.NewElements<Node>(length);
        });
        Assert.Throws<ArgumentOutOfRangeException>(() =>
        {
            using TracedScope scope = heap.Enter();
            scope.NewElements<Node>(-length);
        });
    }

    [Fact]
    public void A_reference_to_nothing_throws_wherever_the_field_lies()
    {
        Assert.Throws<NullReferenceException>(static () => default(TracedRef<Node>).Value.Value);
        Assert.Throws<NullReferenceException>(static () => default(TracedRef<VastNode>).Value.Next.IsNull);
        Assert.Throws<NullReferenceException>(static () => default(TracedRef<TracedArray<Node>>).Value[100_000].IsNull);
        Assert.Throws<NullReferenceException>(static () => default(TracedRef<TracedValues<int>>).Value[100_000]);
    }

    private static TracedRef<Node> Make(in TracedScope scope) => scope.New<Node>();

    private static void AssertRefused<T>(TracedHeap heap)
        where T : unmanaged
    {
        Assert.Throws<InvalidOperationException>(() =>
        {
            using TracedScope scope = heap.Enter();
            scope.NewValues<T>(3);
        });
    }

    private static void AssertLayoutRefused<T>(TracedHeap heap, bool single)
        where T : unmanaged, ITraced<T>
    {
        string message = Assert.Throws<InvalidOperationException>(() =>
        {
            using TracedScope scope = heap.Enter();
            if (single)
            {
                scope.New<T>();
            }
            else
            {
                scope.NewElements<T>(3);
            }
        }).Message;
        Assert.Contains(typeof(T).Name, message, StringComparison.Ordinal);
    }

    [InlineArray(8)]
    private struct TooSmall : ITraced<TooSmall>
    {
        private byte _first;

        public static TracedLayout Layout => TracedLayout.OfFields(24, 16);
    }

    [InlineArray(8)]
    private struct WithoutLayout : ITraced<WithoutLayout>
    {
        private byte _first;

        public static TracedLayout Layout => default;
    }
}
