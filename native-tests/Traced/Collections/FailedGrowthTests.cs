using SpanHeap.Traced;

namespace SpanHeap.Tests.Traced.Collections;

/// <summary>A collection that cannot grow as far as it is asked to is as before, and keeps nothing of what it got.</summary>
public sealed class FailedGrowthTests
{
    private const nuint Limit = 8 << 20;
    private const long TooMany = 100_000_000;

    // Of 8 bytes: some in the first block; or more than a segment of 1 MiB has, in a directory that has places left or has none.
    [Theory]
    [InlineData(0)]
    [InlineData(5)]
    [InlineData(140_000)]
    [InlineData(500_000)]
    public void A_list_of_values_is_as_before(long count)
    {
        using TracedHeap heap = Small();
        using TracedHandle<TracedList<long>> kept = Keep<TracedList<long>>(heap);
        using (TracedScope scope = heap.Enter())
        {
            for (long i = 0; i < count; i++)
            {
                kept.Get(scope).Value.Add(scope, i);
            }
        }

        AssertNothingKept(heap, (in TracedScope scope) => kept.Get(scope).Value.EnsureCapacity(scope, TooMany));
        using TracedScope look = heap.Enter();
        ref TracedList<long> list = ref kept.Get(look).Value;
        Assert.Equal(count, list.Count);
        for (long i = 0; i < count; i++)
        {
            Assert.Equal(i, list[i]);
        }

        list.Add(look, 17);
        Assert.Equal(17, list[count]);
    }

    [Theory]
    [InlineData(5)]
    [InlineData(140_000)]
    public void A_list_of_references_is_as_before(long count)
    {
        using TracedHeap heap = Small();
        using TracedHandle<TracedRefList<Node>> kept = Keep<TracedRefList<Node>>(heap);
        using (TracedScope scope = heap.Enter())
        {
            TracedRef<Node> node = scope.New<Node>();
            for (long i = 0; i < count; i++)
            {
                kept.Get(scope).Value.Add(scope, node);
            }
        }

        AssertNothingKept(heap, (in TracedScope scope) => kept.Get(scope).Value.EnsureCapacity(scope, TooMany));
        using TracedScope look = heap.Enter();
        ref TracedRefList<Node> list = ref kept.Get(look).Value;
        Assert.Equal((count, false), (list.Count, list[count - 1].IsNull));
    }

    // 16 bytes an entry and 4 a bucket: so many entries still fit in, and their buckets do not.
    [Theory]
    [InlineData(0, TooMany)]
    [InlineData(5, TooMany)]
    [InlineData(70_000, TooMany)]
    [InlineData(5, 400_000)]
    [InlineData(70_000, 400_000)]
    public void A_dictionary_is_as_before(int count, long capacity)
    {
        using TracedHeap heap = Small();
        using TracedHandle<TracedDictionary<int, int>> kept = Keep<TracedDictionary<int, int>>(heap);
        using (TracedScope scope = heap.Enter())
        {
            for (int i = 0; i < count; i++)
            {
                kept.Get(scope).Value.Add(scope, i, ~i);
            }
        }

        AssertNothingKept(heap, (in TracedScope scope) => kept.Get(scope).Value.EnsureCapacity(scope, capacity));
        using TracedScope look = heap.Enter();
        ref TracedDictionary<int, int> dictionary = ref kept.Get(look).Value;
        dictionary.Add(look, -1, 17);
        for (int i = 0; i < count; i++)
        {
            Assert.Equal(~i, dictionary.Get(look, i));
        }

        Assert.Equal((count + 1, 17), (dictionary.Count, dictionary.Get(look, -1)));
    }

    [Fact]
    public void An_enumeration_goes_on()
    {
        using TracedHeap heap = Small();
        using TracedScope scope = heap.Enter();
        TracedRef<TracedList<long>> list = scope.New<TracedList<long>>();
        list.Value.Add(scope, 1);
        list.Value.Add(scope, 2);
        long sum = 0;
        foreach (long entry in list.Value)
        {
            sum += entry;
            try
            {
                list.Value.EnsureCapacity(scope, TooMany);
                Assert.Fail("There was room.");
            }
            catch (OutOfMemoryException)
            {
            }
        }

        Assert.Equal(3, sum);
    }

    private static TracedHeap Small() => new(new TracedHeapOptions
    {
        ManualOnly = true,
        MemoryLimit = Limit,
        ScavengeDelay = Timeout.InfiniteTimeSpan,
        Checks = HeapChecks.Full,
    });

    private static TracedHandle<T> Keep<T>(TracedHeap heap)
        where T : unmanaged, ITraced<T>
    {
        using TracedScope scope = heap.Enter();
        return scope.Keep(scope.New<T>());
    }

    private static void AssertNothingKept(TracedHeap heap, Use fail)
    {
        heap.CollectAndSweep();
        (long Small, long Large) before = TracedCensus.Take(heap);
        Assert.Throws<OutOfMemoryException>(() =>
        {
            using TracedScope scope = heap.Enter();
            fail(in scope);
        });
        heap.CollectAndSweep();
        Assert.Equal(before, TracedCensus.Take(heap));
    }

    private delegate void Use(in TracedScope scope);
}
