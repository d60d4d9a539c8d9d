using SpanHeap.Traced;

namespace SpanHeap.Tests.Traced.Collections;

public sealed class ListMisuseTests
{
    [Theory]
    [InlineData(-1)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(long.MaxValue)]
    [InlineData(long.MinValue)]
    public void Entries_that_are_not_there_are_refused(long index)
    {
        AssertRefused<ArgumentOutOfRangeException>((scope, list) => _ = list.Value[index], (scope, list) => _ = list.Value[index].IsNull);
        AssertRefused<ArgumentOutOfRangeException>((scope, list) => list.Value.RemoveAt(scope, index), (scope, list) => list.Value.RemoveAt(scope, index));
        AssertRefused<ArgumentOutOfRangeException>((scope, list) => list.Value.SpanFrom(index), null);
        if (index != 3)
        {
            AssertRefused<ArgumentOutOfRangeException>((scope, list) => list.Value.Insert(scope, index, 0), (scope, list) => list.Value.Insert(scope, index, default));
        }
    }

    [Fact]
    public void No_room_can_be_made_for_fewer_than_none() => AssertRefused<ArgumentOutOfRangeException>(
        (scope, list) => list.Value.EnsureCapacity(scope, -1), (scope, list) => list.Value.EnsureCapacity(scope, -1));

    [Fact]
    public void An_empty_list_has_no_last_entry()
    {
        AssertRefused<InvalidOperationException>(
            (scope, _) =>
            {
                TracedRef<TracedList<long>> empty = scope.New<TracedList<long>>();
                empty.Value.RemoveLast(scope);
            },
            (scope, _) =>
            {
                TracedRef<TracedRefList<Node>> empty = scope.New<TracedRefList<Node>>();
                empty.Value.RemoveLast(scope);
            });
    }

    [Fact]
    public void A_list_that_changes_while_it_is_enumerated_says_so()
    {
        Action<UseValues, UseReferences> refused = static (values, references) =>
        {
            using TracedHeap heap = TracedHeaps.Still();
            InvalidOperationException first = Assert.Throws<InvalidOperationException>(() =>
            {
                using TracedScope scope = heap.Enter();
                TracedRef<TracedList<long>> list = NewValues(scope);
                foreach (long entry in list.Value)
                {
                    values(scope, list);
                }
            });
            Assert.Contains("changed while it was enumerated", first.Message, StringComparison.Ordinal);
            Assert.Throws<InvalidOperationException>(() =>
            {
                using TracedScope scope = heap.Enter();
                TracedRef<TracedRefList<Node>> list = NewReferences(scope);
                foreach (ref Traced<Node> entry in list.Value)
                {
                    references(scope, list);
                }
            });
        };
        refused((scope, list) => list.Value.Add(scope, 1), (scope, list) => list.Value.Add(scope, default));
        refused((scope, list) => list.Value.Insert(scope, 0, 1), (scope, list) => list.Value.Insert(scope, 0, default));
        refused((scope, list) => list.Value.RemoveAt(scope, 0), (scope, list) => list.Value.RemoveAt(scope, 0));
        refused((scope, list) => list.Value.RemoveLast(scope), (scope, list) => list.Value.RemoveLast(scope));
        refused((scope, list) => list.Value.Clear(scope), (scope, list) => list.Value.Clear(scope));
        refused((scope, list) => list.Value.EnsureCapacity(scope, 1000), (scope, list) => list.Value.EnsureCapacity(scope, 1000));
    }

    [Fact]
    public void Values_with_references_are_refused()
    {
        using TracedHeap heap = TracedHeaps.Still();
        TracedHandle<TracedList<Node>> kept = default;
        Assert.Throws<InvalidOperationException>(() =>
        {
            using TracedScope scope = heap.Enter();
            TracedRef<TracedList<Node>> list = scope.New<TracedList<Node>>();
            kept = scope.Keep(list);
#pragma warning disable SPAN007 // What the rule refuses, the library refuses, too.
            list.Value.Add(scope, default);
#pragma warning restore SPAN007
        });
        using TracedScope look = heap.Enter();
        Assert.Equal(0, kept.Get(look).Value.Count);
    }

    [Fact]
    public void With_full_checks_a_list_keeps_what_it_had_when_a_reference_is_refused()
    {
        using TracedHeap heap = TracedHeaps.Still(HeapChecks.Full);
        TracedHandle<TracedRefList<Node>> kept;
        using (TracedScope scope = heap.Enter())
        {
            kept = scope.Keep(NewReferences(scope));
        }

        foreach (UseReferences use in (UseReferences[])
            [
                static (scope, list) => list.Value.Add(scope, Wrong(list)),
                static (scope, list) => list.Value.Insert(scope, 1, Wrong(list)),
                static (scope, list) => list.Value[0].Set(scope, Wrong(list)),
            ])
        {
            Assert.Throws<HeapCorruptionException>(() =>
            {
                using TracedScope scope = heap.Enter();
                use(scope, kept.Get(scope));
            });
        }

        heap.CollectAndSweep();
        using TracedScope look = heap.Enter();
        ref TracedRefList<Node> list = ref kept.Get(look).Value;
        Assert.Equal((3L, 0L, 1L, 2L), (list.Count, list[0].Get(look).Value.Value, list[1].Get(look).Value.Value, list[2].Get(look).Value.Value));
    }

    [Fact]
    public void With_full_checks_a_scope_that_has_ended_is_refused()
    {
        using TracedHeap heap = TracedHeaps.Still(HeapChecks.Full);
        foreach (UseValues use in (UseValues[])
            [
                static (scope, list) => list.Value.Add(scope, 1), static (scope, list) => list.Value.RemoveAt(scope, 0),
                static (scope, list) => list.Value.Insert(scope, 0, 1), static (scope, list) => list.Value.Clear(scope),
                static (scope, list) => list.Value.EnsureCapacity(scope, 1000),
            ])
        {
            Assert.Throws<InvalidOperationException>(() =>
            {
                using TracedScope scope = heap.Enter();
                TracedRef<TracedList<long>> list = NewValues(scope);
                TracedScope within = heap.Enter();
                within.Dispose();
                use(within, list);
            });
        }
    }

    // An address within a block is none that can be stored.
    private static TracedRef<Node> Wrong(TracedRef<TracedRefList<Node>> list) => new(list.Address + 8);

    private static void AssertRefused<TException>(UseValues values, UseReferences? references)
        where TException : Exception
    {
        using TracedHeap heap = TracedHeaps.Still(HeapChecks.Full);
        Assert.Throws<TException>(() =>
        {
            using TracedScope scope = heap.Enter();
            values(scope, NewValues(scope));
        });
        if (references != null)
        {
            Assert.Throws<TException>(() =>
            {
                using TracedScope scope = heap.Enter();
                references(scope, NewReferences(scope));
            });
        }

        heap.CollectAndSweep();
    }

    private static TracedRef<TracedList<long>> NewValues(in TracedScope scope)
    {
        TracedRef<TracedList<long>> list = scope.New<TracedList<long>>();
        for (int i = 0; i < 3; i++)
        {
            list.Value.Add(scope, i);
        }

        return list;
    }

    private static TracedRef<TracedRefList<Node>> NewReferences(in TracedScope scope)
    {
        TracedRef<TracedRefList<Node>> list = scope.New<TracedRefList<Node>>();
        for (int i = 0; i < 3; i++)
        {
            TracedRef<Node> node = scope.New<Node>();
            node.Value.Value = i;
            list.Value.Add(scope, node);
        }

        return list;
    }

    private delegate void UseValues(TracedScope scope, TracedRef<TracedList<long>> list);

    private delegate void UseReferences(TracedScope scope, TracedRef<TracedRefList<Node>> list);
}
