using SpanHeap.Tests.Tracing;

namespace SpanHeap.Tests.Collections;

/// <summary>Collections of which more is wanted than there is room for.</summary>
public sealed class CapacityTests
{
    private const long Entries = 200_000;

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(Entries)]
    public void A_list_that_cannot_grow_so_far_keeps_nothing_of_the_attempt(long before)
    {
        using NativeHeap heap = Limited();
        using GcHandle<TracedList<long>> kept = Make(heap, before);
        long live = LiveBytes(heap);

        using (GcScope scope = heap.Enter())
        {
            ref TracedList<long> list = ref kept.Get(scope).Value;
            try
            {
                list.EnsureCapacity(scope, 1L << 40);
                Assert.Fail("There is no room for so many.");
            }
            catch (OutOfMemoryException)
            {
                Assert.Equal(before, list.Count);
            }
        }

        Assert.InRange(LiveBytes(heap), 0, live + (2 << 20));
        using GcScope again = heap.Enter();
        ref TracedList<long> same = ref kept.Get(again).Value;
        for (long i = 0; i < before; i++)
        {
            Assert.Equal(i, same[i]);
        }

        same.Add(again, before);
        Assert.Equal(before, same[before]);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(Entries)]
    public void A_dictionary_that_cannot_grow_so_far_keeps_nothing_of_the_attempt(long before)
    {
        using NativeHeap heap = Limited();
        using GcHandle<TracedDictionary<long, long>> kept = MakeDictionary(heap, before);
        long live = LiveBytes(heap);

        using (GcScope scope = heap.Enter())
        {
            ref TracedDictionary<long, long> dictionary = ref kept.Get(scope).Value;
            try
            {
                dictionary.EnsureCapacity(scope, int.MaxValue);
                Assert.Fail("There is no room for so many.");
            }
            catch (OutOfMemoryException)
            {
                Assert.Equal(before, dictionary.Count);
            }
        }

        Assert.InRange(LiveBytes(heap), 0, live + (2 << 20));
        using GcScope again = heap.Enter();
        ref TracedDictionary<long, long> same = ref kept.Get(again).Value;
        same.Set(again, before, -before);
        for (long i = 0; i <= before; i++)
        {
            Assert.True(same.TryGetValue(again, i, out long value));
            Assert.Equal(-i, value);
        }
    }

    private static GcHandle<TracedList<long>> Make(NativeHeap heap, long count)
    {
        using GcScope scope = heap.Enter();
        GcRef<TracedList<long>> list = scope.New<TracedList<long>>();
        for (long i = 0; i < count; i++)
        {
            list.Value.Add(scope, i);
        }

        return scope.Keep(list);
    }

    private static GcHandle<TracedDictionary<long, long>> MakeDictionary(NativeHeap heap, long count)
    {
        using GcScope scope = heap.Enter();
        GcRef<TracedDictionary<long, long>> dictionary = scope.New<TracedDictionary<long, long>>();
        for (long i = 0; i < count; i++)
        {
            dictionary.Value.Set(scope, i, -i);
        }

        return scope.Keep(dictionary);
    }

    private static long LiveBytes(NativeHeap heap)
    {
        heap.CollectAndSweep();
        return heap.GetTracedStatistics().LiveBytes;
    }

    private static NativeHeap Limited() => new(new NativeHeapOptions { Traced = true, TracedByHand = true, MemoryLimit = 40 << 20 });
}
