using SpanHeap.Traced;

namespace SpanHeap.Tests.Traced.Collections;

/// <summary>A collection of one heap does not take the scope of another, whose blocks it would lose.</summary>
public sealed class OtherHeapTests
{
    [Theory]
    [InlineData(HeapChecks.Standard)]
    [InlineData(HeapChecks.Full)]
    public void A_collection_that_would_make_blocks_in_another_heap_names_both(HeapChecks checks)
    {
        using TracedHeap first = new(new TracedHeapOptions { Name = "First", Checks = checks });
        using TracedHeap second = new(new TracedHeapOptions { Name = "Second", Checks = checks });
        using (TracedScope own = first.Enter())
        {
            using TracedScope other = second.Enter();
            TracedRef<TracedList<long>> list = own.New<TracedList<long>>();
            TracedRef<TracedDictionary<long, long>> table = own.New<TracedDictionary<long, long>>();
            TracedRef<TracedRefList<Node>> nodes = own.New<TracedRefList<Node>>();
            own.Keep(list);
            own.Keep(table);
            own.Keep(nodes);
            AssertNamesBoth(() => Fail(first, second, static (list, _, _, other) => list.Value.Add(other, 1)));
            AssertNamesBoth(() => Fail(first, second, static (_, table, _, other) => table.Value.Set(other, 1, 1)));
            AssertNamesBoth(() => Fail(first, second, static (_, _, nodes, other) => nodes.Value.EnsureCapacity(other, 10)));
            list.Value.Add(own, 1);
            Assert.Equal((1, 0, 0), (list.Value.Count, table.Value.Count, nodes.Value.Count));
        }

        first.CollectAndSweep();
        second.CollectAndSweep();
    }

    [Fact]
    public void With_full_checks_also_one_that_has_room_is_refused()
    {
        using TracedHeap first = new(new TracedHeapOptions { Name = "First", Checks = HeapChecks.Full });
        using TracedHeap second = new(new TracedHeapOptions { Name = "Second", Checks = HeapChecks.Full });
        AssertNamesBoth(() =>
        {
            using TracedScope own = first.Enter();
            using TracedScope other = second.Enter();
            TracedRef<TracedList<long>> list = own.New<TracedList<long>>();
            list.Value.EnsureCapacity(own, 10);
            list.Value.Add(other, 1);
        });
    }

    private delegate void Use(TracedRef<TracedList<long>> list, TracedRef<TracedDictionary<long, long>> table, TracedRef<TracedRefList<Node>> nodes, TracedScope other);

    private static void Fail(TracedHeap first, TracedHeap second, Use use)
    {
        using TracedScope own = first.Enter();
        using TracedScope other = second.Enter();
        use(own.New<TracedList<long>>(), own.New<TracedDictionary<long, long>>(), own.New<TracedRefList<Node>>(), other);
    }

    private static void AssertNamesBoth(Action use)
    {
        string message = Assert.Throws<InvalidOperationException>(use).Message;
        Assert.Contains("'First'", message, StringComparison.Ordinal);
        Assert.Contains("'Second'", message, StringComparison.Ordinal);
    }
}
