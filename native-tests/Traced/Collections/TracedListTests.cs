using SpanHeap.Traced;

namespace SpanHeap.Tests.Traced.Collections;

/// <summary>Lists of values. What they share with lists of references, <see cref="RandomListTests"/> looks at, too.</summary>
public sealed class TracedListTests
{
    // Numbers of 8 bytes in a segment.
    private const int Segment = 1 << 17;

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(Segment)]
    [InlineData(Segment + 1)]
    [InlineData((3 * Segment) + 7)]
    public void Entries_are_what_was_added(int count)
    {
        using TracedHeap heap = TracedHeaps.Still();
        TracedHandle<TracedList<long>> kept = Make(heap, count);
        heap.CollectAndSweep();
        using TracedScope scope = heap.Enter();
        ref TracedList<long> list = ref kept.Get(scope).Value;
        Assert.Equal(count, list.Count);
        Assert.InRange(list.Capacity, count, long.MaxValue);
        long expected = 0;
        foreach (ref long entry in list)
        {
            Assert.True(entry == expected && list[expected] == expected);
            entry = -entry;
            expected++;
        }

        Assert.Equal(count, expected);
        Assert.True(count == 0 || list[count - 1] == 1 - count);
    }

    [Fact]
    public void Spans_show_entries_in_place()
    {
        using TracedHeap heap = TracedHeaps.Still();
        using TracedScope scope = heap.Enter();
        ref TracedList<long> list = ref scope.New<TracedList<long>>().Value;
        Assert.True(list.AsSpan().IsEmpty);
        for (int i = 0; i < Segment; i++)
        {
            list.Add(scope, i);
        }

        Assert.Equal(Segment, list.AsSpan().Length);
        list.AsSpan()[3] = 33;
        Assert.Equal(33, list[3]);
        list.Add(scope, 0);
        Assert.Equal((Segment, Segment - 5, 1), (list.SpanFrom(0).Length, list.SpanFrom(5).Length, list.SpanFrom(Segment).Length));
    }

    [Fact]
    public void A_list_of_several_segments_has_no_one_span()
    {
        using TracedHeap heap = TracedHeaps.Still();
        TracedHandle<TracedList<long>> kept = Make(heap, Segment + 1);
        InvalidOperationException refused = Assert.Throws<InvalidOperationException>(() =>
        {
            using TracedScope scope = heap.Enter();
            kept.Get(scope).Value.AsSpan();
        });
        Assert.Contains("SpanFrom", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(Segment - 1)]
    [InlineData(Segment)]
    [InlineData(2 * Segment)]
    public void Entries_move_over_the_borders_of_segments(int index)
    {
        using TracedHeap heap = TracedHeaps.Still();
        TracedHandle<TracedList<long>> kept = Make(heap, 2 * Segment);
        using TracedScope scope = heap.Enter();
        ref TracedList<long> list = ref kept.Get(scope).Value;
        list.Insert(scope, index, -1);
        Assert.Equal((-1L, (2L * Segment) + 1), (list[index], list.Count));
        for (int i = 0; i < 2 * Segment; i++)
        {
            Assert.True(list[i < index ? i : i + 1] == i);
        }

        list.RemoveAt(scope, index);
        for (int i = 0; i < 2 * Segment; i++)
        {
            Assert.True(list[i] == i);
        }

        Assert.Equal(2 * Segment, list.Count);
    }

    [Fact]
    public void A_list_that_is_cleared_lets_its_segments_go_and_can_be_used_again()
    {
        using TracedHeap heap = TracedHeaps.Still();
        TracedHandle<TracedList<long>> kept = Make(heap, 3 * Segment);
        using (TracedScope scope = heap.Enter())
        {
            kept.Get(scope).Value.Clear(scope);
            Assert.Equal((0L, (long)Segment), (kept.Get(scope).Value.Count, kept.Get(scope).Value.Capacity));
        }

        heap.CollectAndSweep();
        Assert.Equal((1L, 1L), TracedCensus.Take(heap));
        using TracedScope again = heap.Enter();
        kept.Get(again).Value.Add(again, 5);
        Assert.Equal(5, kept.Get(again).Value[0]);
    }

    [Fact]
    public void Room_that_was_made_is_enough()
    {
        using TracedHeap heap = TracedHeaps.Still();
        using TracedScope scope = heap.Enter();
        foreach (int capacity in (int[])[0, 3, 100, (2 * Segment) + 1])
        {
            ref TracedList<long> list = ref scope.New<TracedList<long>>().Value;
            list.EnsureCapacity(scope, capacity);
            long room = list.Capacity;
            for (int i = 0; i < capacity; i++)
            {
                list.Add(scope, i);
            }

            Assert.Equal(room, list.Capacity);
        }
    }

    [Fact]
    public void Entries_of_any_size_are_possible()
    {
        using TracedHeap heap = TracedHeaps.Still();
        using TracedScope scope = heap.Enter();
        ref TracedList<Huge> huge = ref scope.New<TracedList<Huge>>().Value;
        for (int i = 0; i < 5; i++)
        {
            huge.Add(scope, default);
            huge[i].Bytes[0] = (byte)i;
        }

        huge.RemoveAt(scope, 1);
        Assert.Equal([0, 2, 3, 4], [huge[0].Bytes[0], huge[1].Bytes[0], huge[2].Bytes[0], huge[3].Bytes[0]]);
    }

    internal static TracedHandle<TracedList<long>> Make(TracedHeap heap, int count)
    {
        using TracedScope scope = heap.Enter();
        TracedRef<TracedList<long>> list = scope.New<TracedList<long>>();
        for (int i = 0; i < count; i++)
        {
            list.Value.Add(scope, i);
        }

        return scope.Keep(list);
    }

    [System.Runtime.CompilerServices.InlineArray(300_000)]
    private struct HugeBytes
    {
        private byte _first;
    }

    private struct Huge
    {
        public HugeBytes Bytes;
    }
}
