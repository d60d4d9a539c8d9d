using SpanHeap.Tests.Support;
using SpanHeap.Traced;
using SpanHeap.Traced.Layouts;

namespace SpanHeap.Tests.Traced.Layouts;

public sealed unsafe class LayoutTests
{
    [Fact]
    public void References_after_the_first_64_words_are_followed()
    {
        using TracedHeap heap = TracedHeaps.Still();
        using (TracedScope scope = heap.Enter())
        {
            TracedRef<WideNode> wide = scope.New<WideNode>();
            wide.Value.First.Set(scope, Make(scope, 0));
            wide.Value.LastInline.Set(scope, Make(scope, 1));
            wide.Value.FirstBehind.Set(scope, Make(scope, 2));
            wide.Value.LastOfSecond.Set(scope, Make(scope, 3));
            wide.Value.FirstOfThird.Set(scope, Make(scope, 4));
            wide.Value.Last.Set(scope, Make(scope, 5));
            wide.Value.NoPointer = Make(scope, 6).Address;
            scope.Keep(wide);
        }

        heap.CollectAndSweep();

        Assert.Equal((7L, 0L), TracedCensus.Take(heap));
        Assert.Equal(1, heap.Parts.Statistics.SmallBlocksFreed);
    }

    [Fact]
    public void Of_elements_the_references_are_followed_and_nothing_else()
    {
        using TracedHeap heap = TracedHeaps.Still();
        using (TracedScope scope = heap.Enter())
        {
            TracedRef<Table> table = new(scope.NewBlock(Table.Layout.Number, sizeof(Table)));
            table.Value.Length = 40;
            for (int i = 0; i < 50; i++)
            {
                // The last ten lie after the length.
                table.Value.Items[i].Number = Make(scope, i).Address;
                table.Value.Items[i].Node.Set(scope, Make(scope, i));
                table.Value.Items[i].NoPointer = Make(scope, i).Address;
            }

            scope.Keep(table);
        }

        heap.CollectAndSweep();

        Assert.Equal((41L, 0L), TracedCensus.Take(heap));
    }

    [Fact]
    public void Blocks_without_pointers_are_not_looked_into()
    {
        using TracedHeap heap = TracedHeaps.Still();
        using (TracedScope scope = heap.Enter())
        {
            TracedRef<Leaf> leaf = scope.New<Leaf>();
            leaf.Value.Address = Make(scope, 1).Address;
            scope.Keep(leaf);
            scope.Keep(scope.New<Sized7>());
        }

        heap.CollectAndSweep();

        Assert.Equal((2L, 0L), TracedCensus.Take(heap));
    }

    [Fact]
    [Unguarded("it counts pages, which a guarded block has of its own")]
    public void Large_blocks_are_zero_live_and_go()
    {
        using TracedHeap heap = TracedHeaps.Still();
        for (int round = 0; round < 3; round++)
        {
            TracedHandle<VastNode> head;
            using (TracedScope scope = heap.Enter())
            {
                scoped TracedRef<VastNode> list = default;
                for (int i = 0; i < 20; i++)
                {
                    TracedRef<VastNode> node = scope.New<VastNode>();
                    Assert.Equal(-1, new Span<byte>((void*)node.Address, sizeof(VastNode)).IndexOfAnyExcept((byte)0));
                    new Span<byte>((void*)node.Address, sizeof(VastNode)).Fill(0x77);
                    node.Value.Value = i;
                    node.Value.Next.Set(scope, list);
                    list = i % 2 == 0 ? node : list;
                }

                head = scope.Keep(list);
            }

            heap.CollectAndSweep();
            Assert.Equal((0L, 10L), TracedCensus.Take(heap));
            head.Dispose();
            heap.CollectAndSweep();
            Assert.Equal((0L, 0L), TracedCensus.Take(heap));
            Assert.Equal((round + 1) * 20, heap.Parts.Statistics.LargeBlocksFreed);
        }

        Assert.Equal(0, heap.Native.GetStatistics().PagesInUse);
    }

    [Theory]
    [InlineData(7_000_000)]
    [InlineData(7_500_000)]
    public void An_array_of_almost_an_arena_serves(int length)
    {
        using TracedHeap heap = TracedHeaps.Still();
        TracedHandle<TracedArray<Node>> kept;
        using (TracedScope scope = heap.Enter())
        {
            TracedRef<TracedArray<Node>> array = scope.NewArray<Node>(length);
            array.Value[0].Set(scope, Make(scope, 1));
            array.Value[length / 2].Set(scope, Make(scope, 2));
            array.Value[length - 1].Set(scope, Make(scope, 3));
            kept = scope.Keep(array);
        }

        heap.CollectAndSweep();
        Assert.Equal((3L, 1L), TracedCensus.Take(heap));
        kept.Dispose();
        heap.CollectAndSweep();
        Assert.Equal((0L, 0L), TracedCensus.Take(heap));
    }

    [Theory]
    [InlineData(8_400_000)]
    [InlineData(int.MaxValue)]
    [InlineData(long.MaxValue / 16)]
    [InlineData((long.MaxValue / 16) + 1)]
    [InlineData(long.MaxValue)]
    public void An_array_larger_than_an_arena_is_refused_clearly(long length)
    {
        using TracedHeap heap = TracedHeaps.Still();
        using TracedScope scope = heap.Enter();
        OutOfMemoryException? refused = null;
        try
        {
            scope.NewArray<Node>(length);
        }
        catch (OutOfMemoryException error)
        {
            refused = error;
        }

        Assert.Contains("larger than", refused?.Message, StringComparison.Ordinal);
        scope.NewArray<Node>(100);
        Assert.False(scope.New<Node>().IsNull);
    }

    [Fact]
    public void Indices_outside_an_array_and_negative_lengths_are_refused()
    {
        using TracedHeap heap = TracedHeaps.Still();
        Assert.Throws<ArgumentOutOfRangeException>(() =>
        {
            using TracedScope scope = heap.Enter();
            scope.NewArray<Node>(-1);
        });
        Assert.Throws<IndexOutOfRangeException>(() =>
        {
            using TracedScope scope = heap.Enter();
            _ = scope.NewArray<Node>(3).Value[3].IsNull;
        });
        Assert.Throws<IndexOutOfRangeException>(() =>
        {
            using TracedScope scope = heap.Enter();
            _ = scope.NewArray<Node>(0).Value[-1].IsNull;
        });
        heap.CollectAndSweep();
        Assert.Equal((0L, 0L), TracedCensus.Take(heap));
    }

    [Fact]
    public void Equal_layouts_are_one_and_bad_ones_are_refused()
    {
        Assert.Equal(TracedLayout.OfFields(24, 0, 8), TracedLayout.OfFields(40, 8, 0));
        Assert.Equal(TracedLayout.OfFields(1600, WideNode.Offsets), WideNode.Layout);
        Assert.NotEqual(TracedLayout.OfFields(1600, 0, 1592), WideNode.Layout);
        Assert.NotEqual(TracedLayout.OfElements(24, 8), TracedLayout.OfElements(32, 8));
        Assert.Equal(TracedLayout.NoPointers, TracedLayout.OfFields(100));
        Assert.Throws<ArgumentOutOfRangeException>(static () => TracedLayout.OfFields(24, 4));
        Assert.Throws<ArgumentOutOfRangeException>(static () => TracedLayout.OfFields(24, 24));
        Assert.Throws<ArgumentOutOfRangeException>(static () => TracedLayout.OfFields(24, -8));
        Assert.Throws<ArgumentOutOfRangeException>(static () => TracedLayout.OfFields(4, 0));
        Assert.Throws<ArgumentOutOfRangeException>(static () => TracedLayout.OfFields(int.MinValue, 0));
        Assert.Throws<ArgumentOutOfRangeException>(static () => TracedLayout.OfElements(int.MinValue, 0));
        Assert.Throws<ArgumentOutOfRangeException>(static () => TracedLayout.OfElements(12, 0));
        Assert.Equal(TracedForm.Fields, SpanClasses.Info(SpanClasses.OfType(Node.Layout.Number, 24, nameof(Node)))->Form);
    }

    private static TracedRef<Node> Make(in TracedScope scope, long value)
    {
        TracedRef<Node> node = scope.New<Node>();
        node.Value.Value = value;
        return node;
    }
}
