using SpanHeap.Tests.Support;
namespace SpanHeap.Tests.Tracing;

[Unguarded("it makes millions of blocks, some microseconds each")]
public sealed class CollectionTests
{
    [Theory]
    [InlineData(HeapChecks.Standard)]
    [InlineData(HeapChecks.Full)]
    public void What_a_handle_reaches_lives_and_the_rest_is_freed(HeapChecks checks)
    {
        const int Length = 10_000;
        using NativeHeap heap = TracedHeaps.Still(checks);
        GcHandle<Node> head;
        using (GcScope scope = heap.Enter())
        {
            head = scope.Keep(MakeList(scope, Length));
            MakeList(scope, 3 * Length);
        }

        heap.CollectAndSweep();

        Assert.Equal(3 * Length, heap.Traced.Statistics.SmallBlocksFreed);
        Assert.Equal(Length, CountList(heap, head));
        head.Dispose();
        heap.CollectAndSweep();
        Assert.Equal(4 * Length, heap.Traced.Statistics.SmallBlocksFreed);
        Assert.Equal(0, heap.Traced.Spans.Count);
    }

    [Fact]
    public void A_list_of_a_million_is_marked_without_recursion()
    {
        const int Length = 1_000_000;
        using NativeHeap heap = TracedHeaps.Still();
        GcHandle<Node> head;
        using (GcScope scope = heap.Enter())
        {
            head = scope.Keep(MakeList(scope, Length));
        }

        heap.CollectAndSweep();
        heap.CollectAndSweep();

        Assert.Equal(Length, CountList(heap, head));
        Assert.Equal(0, heap.Traced.Statistics.SmallBlocksFreed);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(500)]
    [InlineData(100_000)]
    public void What_an_array_refers_to_lives(int length)
    {
        using NativeHeap heap = TracedHeaps.Still();
        GcHandle<TracedArray<Node>> kept;
        using (GcScope scope = heap.Enter())
        {
            GcRef<TracedArray<Node>> array = scope.NewArray<Node>(length);
            for (int i = 0; i < length; i++)
            {
                GcRef<Node> node = scope.New<Node>();
                node.Value.Value = i;
                array.Value[i].Set(scope, node);
                scope.New<Node>();
            }

            kept = scope.Keep(array);
        }

        heap.CollectAndSweep();

        Assert.Equal(length, heap.Traced.Statistics.SmallBlocksFreed);
        using (GcScope scope = heap.Enter())
        {
            GcRef<TracedArray<Node>> array = kept.Get(scope);
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
        using NativeHeap heap = TracedHeaps.Still();
        for (int round = 0; round < 20; round++)
        {
            using (GcScope scope = heap.Enter())
            {
                for (int i = 0; i < 50_000; i++)
                {
                    GcRef<Node> node = scope.New<Node>();
                    Assert.True(node.Value.Value == 0 && node.Value.Left.IsNull && node.Value.Right.IsNull);
                    node.Value.Value = -1;
                    node.Value.Left.Set(scope, node);
                    node.Value.Right.Set(scope, node);
                }
            }

            heap.CollectAndSweep();
            Assert.Equal(0, heap.Traced.Spans.Count);
        }
    }

    [Fact]
    public void Collections_come_by_themselves_as_the_heap_grows()
    {
        using NativeHeap heap = new(new NativeHeapOptions { Traced = true, TracedMinimum = 1 << 20 });
        for (int round = 0; round < 2000; round++)
        {
            using GcScope scope = heap.Enter();
            MakeList(scope, 1000);
        }

        Assert.InRange(heap.Traced.Collector.Cycles, 10, 2000);
        Assert.InRange(heap.GetStatistics().PagesInUse, 0, 4096);
    }

    [Fact]
    public void Collecting_within_a_scope_is_refused()
    {
        using NativeHeap heap = TracedHeaps.Still();
        using GcScope scope = heap.Enter();
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

    [Fact]
    public void A_heap_that_was_not_made_for_it_has_no_scopes()
    {
        using NativeHeap heap = new();
        Assert.Contains("Traced = true", Assert.Throws<InvalidOperationException>(heap.Collect).Message, StringComparison.Ordinal);
    }

    private static GcRef<Node> MakeList(in GcScope scope, int length)
    {
        GcRef<Node> head = scope.Null<Node>();
        for (int i = 0; i < length; i++)
        {
            GcRef<Node> node = scope.New<Node>();
            node.Value.Value = i;
            node.Value.Left.Set(scope, head);
            head = node;
        }

        return head;
    }

    private static int CountList(NativeHeap heap, GcHandle<Node> head)
    {
        using GcScope scope = heap.Enter();
        int count = 0;
        for (GcRef<Node> node = head.Get(scope); !node.IsNull; node = node.Value.Left.Get(scope))
        {
            count++;
        }

        return count;
    }
}
