using SpanHeap.Traced;

namespace SpanHeap.Tests.Traced.Collections;

public sealed class TracedDictionaryTests
{
    // More than a segment of entries and, from 300,000 on, one of buckets.
    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 1)]
    [InlineData(100_000, 1)]
    [InlineData(300_000, 7)]
    public void Entries_are_found_by_their_keys(int count, long stride)
    {
        using TracedHeap heap = TracedHeaps.Still();
        TracedHandle<TracedDictionary<long, int>> kept = Make(heap, count, stride);
        heap.CollectAndSweep();
        using TracedScope scope = heap.Enter();
        ref TracedDictionary<long, int> dictionary = ref kept.Get(scope).Value;
        Assert.Equal(count, dictionary.Count);
        for (int i = 0; i < count; i++)
        {
            Assert.True(dictionary.TryGetValue(scope, i * stride, out int value) && value == i);
        }

        Assert.False(dictionary.ContainsKey(scope, count * stride) || dictionary.ContainsKey(scope, -1) || dictionary.TryGetValue(scope, long.MinValue, out _));
    }

    [Fact]
    public void Entries_come_in_the_order_in_which_they_were_added()
    {
        using TracedHeap heap = TracedHeaps.Still();
        TracedHandle<TracedDictionary<long, int>> kept = Make(heap, 50_000, 3);
        using TracedScope scope = heap.Enter();
        int expected = 0;
        foreach (TracedEntry<long, int> entry in kept.Get(scope).Value)
        {
            Assert.True(entry.Key == expected * 3L && entry.Value == expected);
            entry.Value = -expected;
            expected++;
        }

        Assert.Equal((50_000, -7), (expected, kept.Get(scope).Value.Get(scope, 21)));
    }

    [Fact]
    public void Values_are_replaced_and_changed_in_place()
    {
        using TracedHeap heap = TracedHeaps.Still();
        using TracedScope scope = heap.Enter();
        ref TracedDictionary<Guid, decimal> dictionary = ref scope.New<TracedDictionary<Guid, decimal>>().Value;
        Guid key = new("00000000-0000-0000-0000-000000000001");
        dictionary.Set(scope, key, 1);
        dictionary.Set(scope, key, 2);
        dictionary.Get(scope, key) += 3;
        Assert.False(dictionary.TryAdd(scope, key, 9));
        Assert.Equal((1L, 5m), (dictionary.Count, dictionary.Get(scope, key)));
    }

    [Fact]
    public void The_place_of_a_value_is_found_or_made_in_one_call()
    {
        using TracedHeap heap = TracedHeaps.Still();
        using TracedScope scope = heap.Enter();
        ref TracedDictionary<Traced<TracedString>, int> counts = ref scope.New<TracedDictionary<Traced<TracedString>, int>>().Value;
        for (int i = 0; i < 300; i++)
        {
            ref int count = ref counts.GetOrAddDefault(scope, scope.NewString($"{i % 100}"), out bool exists);
            Assert.Equal((i >= 100, i / 100), (exists, count));
            count++;
        }

        Assert.True(counts.Count == 100 && counts.TryGetValue(scope, "17"u8, out int found) && found == 3);
    }

    [Fact]
    public void The_next_entry_in_the_place_of_one_that_went_has_the_default_value()
    {
        using TracedHeap heap = TracedHeaps.Still();
        using TracedScope scope = heap.Enter();
        ref TracedDictionary<long, int> dictionary = ref scope.New<TracedDictionary<long, int>>().Value;
        dictionary.Add(scope, 1, 17);
        dictionary.Remove(scope, 1);
        Assert.Equal((0, false), (dictionary.GetOrAddDefault(scope, 2, out bool exists), exists));
    }

    [Fact]
    public void The_place_of_an_entry_that_went_is_used_again()
    {
        using TracedHeap heap = TracedHeaps.Still();
        TracedHandle<TracedDictionary<long, int>> kept = Make(heap, 32_768, 1);
        heap.CollectAndSweep();
        (long Small, long Large) before = TracedCensus.Take(heap);
        using (TracedScope scope = heap.Enter())
        {
            ref TracedDictionary<long, int> dictionary = ref kept.Get(scope).Value;
            for (int i = 0; i < 100_000; i++)
            {
                Assert.True(dictionary.Remove(scope, i));
                Assert.False(dictionary.Remove(scope, i));
                dictionary.Add(scope, 32_768 + i, i);
            }

            Assert.Equal(32_768, dictionary.Count);
        }

        heap.CollectAndSweep();
        Assert.Equal(before, TracedCensus.Take(heap));
    }

    [Fact]
    public void A_dictionary_that_is_cleared_lets_its_segments_go_and_can_be_used_again()
    {
        using TracedHeap heap = TracedHeaps.Still();
        TracedHandle<TracedDictionary<long, int>> kept = Make(heap, 300_000, 1);
        using (TracedScope scope = heap.Enter())
        {
            ref TracedDictionary<long, int> dictionary = ref kept.Get(scope).Value;
            dictionary.Clear(scope);
            Assert.True(dictionary.Count == 0 && !dictionary.ContainsKey(scope, 5));
        }

        heap.CollectAndSweep();
        (long small, long large) = TracedCensus.Take(heap);
        Assert.Equal(3, small + large);
        using TracedScope again = heap.Enter();
        for (int i = 0; i < 1000; i++)
        {
            kept.Get(again).Value.Add(again, i, i);
        }

        Assert.Equal((1000L, 5), (kept.Get(again).Value.Count, kept.Get(again).Value.Get(again, 5)));
    }

    [Fact]
    public void Room_that_was_made_can_be_cleared_before_it_is_used()
    {
        using TracedHeap heap = TracedHeaps.Still();
        using TracedScope scope = heap.Enter();
        ref TracedDictionary<int, int> dictionary = ref scope.New<TracedDictionary<int, int>>().Value;
        dictionary.EnsureCapacity(scope, 600_000);
        dictionary.Clear(scope);
        dictionary.EnsureCapacity(scope, 0);
        for (int i = 0; i < 10; i++)
        {
            dictionary.Add(scope, i, -i);
        }

        Assert.Equal((10L, -9), (dictionary.Count, dictionary.Get(scope, 9)));
    }

    [Fact]
    public void A_table_that_shrank_finds_nothing_of_before_when_it_grows_again()
    {
        const int Before = 600_000;
        using TracedHeap heap = TracedHeaps.Still();
        TracedHandle<TracedDictionary<long, int>> kept = Make(heap, Before, 1);
        using TracedScope scope = heap.Enter();
        ref TracedDictionary<long, int> dictionary = ref kept.Get(scope).Value;
        dictionary.Clear(scope);
        dictionary.Add(scope, -1, 7);
        dictionary.EnsureCapacity(scope, Before);
        for (int i = 0; i < Before; i++)
        {
            Assert.False(dictionary.ContainsKey(scope, i));
        }

        Assert.Equal((1L, 7), (dictionary.Count, dictionary.Get(scope, -1)));
    }

    [Fact]
    public void Keys_whose_hashes_are_all_the_same_are_distinguished()
    {
        using TracedHeap heap = TracedHeaps.Still();
        using TracedScope scope = heap.Enter();
        ref TracedDictionary<SameHash, int> dictionary = ref scope.New<TracedDictionary<SameHash, int>>().Value;
        for (int i = 0; i < 500; i++)
        {
            dictionary.Add(scope, new SameHash(i), i);
        }

        for (int i = 0; i < 500; i += 2)
        {
            Assert.True(dictionary.Remove(scope, new SameHash(i)));
        }

        for (int i = 0; i < 500; i++)
        {
            Assert.Equal(i % 2 == 1, dictionary.TryGetValue(scope, new SameHash(i), out int value) && value == i);
        }
    }

    internal static TracedHandle<TracedDictionary<long, int>> Make(TracedHeap heap, int count, long stride)
    {
        using TracedScope scope = heap.Enter();
        TracedRef<TracedDictionary<long, int>> dictionary = scope.New<TracedDictionary<long, int>>();
        for (int i = 0; i < count; i++)
        {
            dictionary.Value.Add(scope, i * stride, i);
        }

        return scope.Keep(dictionary);
    }

    private readonly record struct SameHash(int Number)
    {
        public override int GetHashCode() => 42;
    }
}
