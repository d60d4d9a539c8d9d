using SpanHeap.Tests.Support;
using SpanHeap.Traced;
namespace SpanHeap.Tests.Traced.Collecting;

[Unguarded("it makes millions of blocks, some microseconds each")]
public sealed class CollectionTests
{
    [Theory]
    [InlineData(HeapChecks.Standard)]
    [InlineData(HeapChecks.Full)]
    public void What_a_handle_reaches_lives_and_the_rest_is_freed(HeapChecks checks)
    {
        const int Length = 10_000;
        using TracedHeap heap = TracedHeaps.Still(checks);
        TracedHandle<Node> head;
        using (TracedScope scope = heap.Enter())
        {
            head = scope.Keep(MakeList(scope, Length));
            MakeList(scope, 3 * Length);
        }

        heap.CollectAndSweep();

        Assert.Equal(3 * Length, heap.Parts.Statistics.SmallBlocksFreed);
        Assert.Equal(Length, CountList(heap, head));
        head.Dispose();
        heap.CollectAndSweep();
        Assert.Equal(4 * Length, heap.Parts.Statistics.SmallBlocksFreed);

        // What full checks keep back.
        heap.Trim();
        Assert.Equal(0, heap.Parts.Spans.Count);
    }

    [Fact]
    public void A_list_of_a_million_is_marked_without_recursion()
    {
        const int Length = 1_000_000;
        using TracedHeap heap = TracedHeaps.Still();
        TracedHandle<Node> head;
        using (TracedScope scope = heap.Enter())
        {
            head = scope.Keep(MakeList(scope, Length));
        }

        heap.CollectAndSweep();
        heap.CollectAndSweep();

        Assert.Equal(Length, CountList(heap, head));
        Assert.Equal(0, heap.Parts.Statistics.SmallBlocksFreed);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(500)]
    [InlineData(100_000)]
    public void What_an_array_refers_to_lives(int length)
    {
        using TracedHeap heap = TracedHeaps.Still();
        TracedHandle<TracedArray<Node>> kept;
        using (TracedScope scope = heap.Enter())
        {
            TracedRef<TracedArray<Node>> array = scope.NewArray<Node>(length);
            for (int i = 0; i < length; i++)
            {
                TracedRef<Node> node = scope.New<Node>();
                node.Value.Value = i;
                array.Value[i].Set(scope, node);
                scope.New<Node>();
            }

            kept = scope.Keep(array);
        }

        heap.CollectAndSweep();

        Assert.Equal(length, heap.Parts.Statistics.SmallBlocksFreed);
        using (TracedScope scope = heap.Enter())
        {
            TracedRef<TracedArray<Node>> array = kept.Get(scope);
            Assert.Equal(length, array.Value.Length);
            for (int i = 0; i < length; i++)
            {
                Assert.Equal(i, array.Value[i].Get(scope).Value.Value);
            }
        }
    }

    [Fact]
    public void Freed_slots_serve_again_and_are_zero()
    {
        using TracedHeap heap = TracedHeaps.Still();
        for (int round = 0; round < 20; round++)
        {
            using (TracedScope scope = heap.Enter())
            {
                for (int i = 0; i < 50_000; i++)
                {
                    TracedRef<Node> node = scope.New<Node>();
                    Assert.True(node.Value.Value == 0 && node.Value.Left.IsNull && node.Value.Right.IsNull);
                    node.Value.Value = -1;
                    node.Value.Left.Set(scope, node);
                    node.Value.Right.Set(scope, node);
                }
            }

            heap.CollectAndSweep();
            Assert.Equal(0, heap.Parts.Spans.Count);
        }
    }

    [Fact]
    public void Collections_come_by_themselves_as_the_heap_grows()
    {
        using TracedHeap heap = new(new TracedHeapOptions { MinimumBytes = 1 << 20 });
        for (int round = 0; round < 2000; round++)
        {
            using TracedScope scope = heap.Enter();
            MakeList(scope, 1000);
        }

        Assert.InRange(heap.Parts.Collector.Cycles, 10, 2000);
        Assert.InRange(heap.Native.GetStatistics().PagesInUse, 0, 4096);
    }

    [Fact]
    public void Collecting_within_a_scope_is_refused()
    {
        using TracedHeap heap = TracedHeaps.Still();
        using TracedScope scope = heap.Enter();
        InvalidOperationException? refused = null;
        try
        {
            heap.CollectAndSweep();
        }
        catch (InvalidOperationException error)
        {
            refused = error;
        }

        Assert.Contains("Yield", refused?.Message, StringComparison.Ordinal);
    }

    private static TracedRef<Node> MakeList(in TracedScope scope, int length)
    {
        TracedRef<Node> head = scope.Null<Node>();
        for (int i = 0; i < length; i++)
        {
            TracedRef<Node> node = scope.New<Node>();
            node.Value.Value = i;
            node.Value.Left.Set(scope, head);
            head = node;
        }

        return head;
    }

    private static int CountList(TracedHeap heap, TracedHandle<Node> head)
    {
        using TracedScope scope = heap.Enter();
        int count = 0;
        for (TracedRef<Node> node = head.Get(scope); !node.IsNull; node = node.Value.Left.Get(scope))
        {
            count++;
        }

        return count;
    }
}
