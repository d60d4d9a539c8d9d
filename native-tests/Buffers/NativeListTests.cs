using System.Buffers;
using SpanHeap.Buffers;
using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Buffers;

public sealed unsafe class NativeListTests
{
    private readonly NativeHeap _heap = HeapMaker.New();

    [Fact]
    public void It_does_what_a_list_does()
    {
        using NativeList<int> list = new(_heap);
        List<int> model = [];
        Random random = new(5);
        for (int step = 0; step < 20_000; step++)
        {
            int at = random.Next(model.Count + 1);
            switch (random.Next(8))
            {
                case 0 when at < model.Count:
                    list.RemoveAt(at);
                    model.RemoveAt(at);
                    break;
                case 1:
                    list.Insert(at, step);
                    model.Insert(at, step);
                    break;
                case 2:
                    list.AddRange([step, step + 1, step + 2]);
                    model.AddRange([step, step + 1, step + 2]);
                    break;
                case 3 when at < model.Count:
                    list[at] = model[at] = -step;
                    break;
                case 4 when step % 500 == 0:
                    list.TrimExcess();
                    break;
                case 5 when step % 3000 == 0:
                    list.Clear();
                    model.Clear();
                    break;
                default:
                    list.Add(step);
                    model.Add(step);
                    break;
            }

            Assert.Equal(model.Count, list.Count);
        }

        Assert.Equal(model, list);
        Assert.Equal(model, list.AsSpan().ToArray());
        Assert.Equal(model, list.AsMemory().ToArray());
        Assert.InRange(list.Capacity, list.Count, int.MaxValue);
        _heap.Verify();
    }

    [Fact]
    public void It_takes_no_block_before_it_has_a_value_and_none_after_it_is_disposed()
    {
        NativeList<int> list = new(_heap);
        Assert.Equal(0, _heap.GetStatistics().LiveBlocks);
        Assert.Equal(0, list.AsSpan().Length + list.AsMemory().Length + list.Capacity);

        list.Add(1);
        Assert.Equal((1, 1), (_heap.GetStatistics().LiveBlocks, _heap.GetStatistics().Owners));

        list.Dispose();
        list.Dispose();
        Assert.Equal((0, 0), (_heap.GetStatistics().LiveBlocks, _heap.GetStatistics().Owners));
    }

    [Fact]
    [Unguarded("guarded blocks do not grow in place")]
    public void A_long_list_grows_in_place()
    {
        using NativeList<long> list = new(_heap);
        HashSet<nint> places = [];
        for (int i = 0; i < 4_000_000; i++)
        {
            list.Add(i);
            using MemoryHandle pin = list.AsMemory().Pin();
            places.Add((nint)pin.Pointer);
        }

        Assert.InRange(places.Count, 1, 16);
        Assert.Equal(3_999_999, list[^1]);
    }

    [Fact]
    public void Its_own_values_can_be_added_while_it_grows()
    {
        using NativeList<int> list = new(_heap) { 1, 2, 3 };
        for (int i = 0; i < 12; i++)
        {
            list.AddRange(list.AsSpan());
        }

        Assert.Equal(3 << 12, list.Count);
        Assert.All(Enumerable.Range(0, list.Count), i => Assert.Equal(1 + (i % 3), list[i]));
    }

    [Fact]
    public void Room_is_made_at_once_and_given_back()
    {
        using NativeList<int> list = new(_heap, 1000);
        Assert.InRange(list.Capacity, 1000, 1100);
        list.EnsureCapacity(100_000);
        int capacity = list.Capacity;
        Assert.InRange(capacity, 100_000, 200_000);
        list.EnsureCapacity(10);
        Assert.Equal(capacity, list.Capacity);

        list.Add(7);
        list.TrimExcess();
        Assert.InRange(list.Capacity, 1, 16);
        Assert.Equal([7], list);
        list.Clear();
        Assert.Empty(list);
    }

    [Fact]
    public void Trimming_what_is_pinned_does_nothing()
    {
        using NativeList<int> list = new(_heap, 1000) { 7 };
        int capacity = list.Capacity;
        using (list.AsMemory().Pin())
        {
            list.TrimExcess();
            Assert.Equal(capacity, list.Capacity);
        }

        list.TrimExcess();
        Assert.InRange(list.Capacity, 1, capacity - 1);
        Assert.Equal([7], list);
    }

    [Fact]
    public void Memory_that_one_thread_pins_while_another_makes_the_list_grow_is_there_until_the_pin_ends()
    {
        const int Rounds = 500;
        for (int round = 0; round < Rounds; round++)
        {
            using NativeList<int> list = new(_heap, 16) { round };
            Memory<int> memory = list.AsMemory();
            using Barrier together = new(2);
            int seen = 0;
            StressThreads.Run(2, number =>
            {
                together.SignalAndWait();
                if (number == 0)
                {
                    list.EnsureCapacity(1000);
                }
                else
                {
                    seen = Pinned(memory, round);
                }
            });

            Assert.Equal(round, seen);
            Assert.Equal([round], list);
        }
    }

    // The list may have moved its values to another block before it was pinned, because an earlier pin kept the first.
    private static int Pinned(Memory<int> memory, int expected)
    {
        try
        {
            using MemoryHandle pin = memory.Pin();
            int value = 0;
            for (int i = 0; i < 100; i++)
            {
                value = Volatile.Read(ref *(int*)pin.Pointer);
            }

            return value;
        }
        catch (ObjectDisposedException)
        {
            return expected;
        }
    }

    [Fact]
    public void Memory_of_the_list_stays_valid_while_it_grows()
    {
        using NativeList<int> list = new(_heap) { 11 };
        Memory<int> memory = list.AsMemory();
        list.EnsureCapacity(1_000_000);
        list[0] = 12;

        Assert.Equal(12, memory.Span[0]);
    }

    [Fact]
    public void Memory_that_is_pinned_stays_where_it_is_while_the_list_grows_away_from_it()
    {
        using NativeList<int> list = new(_heap) { 11 };
        MemoryHandle pin = list.AsMemory().Pin();
        list.EnsureCapacity(1_000_000);
        list[0] = 12;

        Assert.Equal((11, 12), (*(int*)pin.Pointer, list[0]));
        Assert.Equal(2, _heap.GetStatistics().LiveBlocks);
        pin.Dispose();
        Assert.Equal(1, _heap.GetStatistics().LiveBlocks);
    }

    [Fact]
    public void A_list_that_is_disposed_says_so()
    {
        NativeList<int> list = new(_heap) { 1 };
        Memory<int> memory = list.AsMemory();
        list.Dispose();

        AssertDisposed(list);
        Assert.Throws<ObjectDisposedException>(() => _ = memory.Span);
        Assert.Equal((0, 0), (list.Count, _heap.GetStatistics().LiveBlocks));

        NativeList<int> never = new(_heap);
        never.Dispose();
        AssertDisposed(never);
        Assert.Equal(0, _heap.GetStatistics().LiveBlocks);
    }

    [Fact]
    public void A_list_of_a_disposed_heap_says_so_and_can_be_disposed()
    {
        NativeList<int> list = new(_heap) { 1 };
        _heap.Dispose();

        AssertDisposed(list);
        list.Dispose();
        Assert.Throws<ObjectDisposedException>(() => new NativeList<int>(_heap));
    }

    [Fact]
    public void An_index_out_of_range_is_refused_and_the_list_is_unchanged()
    {
        using NativeList<int> list = new(_heap, 100) { 1, 2, 3 };
        Action[] calls =
        [
            () => _ = list[3], () => _ = list[-1], () => list[3] = 0, () => list[int.MinValue] = 0, () => list.Insert(4, 0), () => list.Insert(-1, 0),
            () => list.RemoveAt(3), () => list.RemoveAt(-1), () => list.EnsureCapacity(-1), () => _ = new NativeList<int>(_heap, -1),
        ];
        Assert.All(calls, static call => Assert.Throws<ArgumentOutOfRangeException>(call));
        Assert.Equal([1, 2, 3], list);
    }

    [Fact]
    public void At_the_limit_of_the_heap_the_list_is_unchanged_and_grows_by_what_is_asked()
    {
        using NativeHeap heap = HeapMaker.New(limit: 8 << 20);
        using NativeList<byte> list = new(heap);
        list.AddRange(new byte[2 << 20]);
        list[^1] = 9;

        Assert.Throws<OutOfMemoryException>(() => list.AddRange(new byte[7 << 20]));
        Assert.Throws<OutOfMemoryException>(() => list.EnsureCapacity(int.MaxValue));
        Assert.Equal(2 << 20, list.Count);
        Assert.Equal(9, list[^1]);

        // There is no room for twice as much now.
        using NativeOwner<byte> other = heap.Rent<byte>(5 << 19);
        list.AddRange(new byte[1 << 20]);
        Assert.Equal(3 << 20, list.Count);
        Assert.Equal(9, list[(2 << 20) - 1]);
    }

    [Fact]
    public void With_full_checks_and_guards_it_does_the_same()
    {
        foreach (NativeHeapOptions options in (NativeHeapOptions[])[new() { Checks = HeapChecks.Full }, new() { Guard = { Mode = GuardMode.All } }])
        {
            using NativeHeap heap = new(options);
            using NativeList<int> list = new(heap);
            for (int i = 0; i < 3000; i++)
            {
                list.Add(i);
            }

            Assert.Equal(Enumerable.Range(0, 3000), list);
            list.TrimExcess();
            Assert.Equal(2999, list[^1]);
            heap.Verify();
        }
    }

    private static void AssertDisposed(NativeList<int> list)
    {
        Action[] calls =
        [
            () => _ = list[0], () => list[0] = 1, () => list.Add(1), () => list.AddRange([1]), () => list.Insert(0, 1), () => list.RemoveAt(0), list.Clear,
            () => list.EnsureCapacity(1), list.TrimExcess, () => list.AsSpan(), () => list.AsMemory(),
        ];
        Assert.All(calls, static call => Assert.Throws<ObjectDisposedException>(call));
    }
}
