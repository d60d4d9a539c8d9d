using SpanHeap.Traced;

namespace SpanHeap.Tests.Traced.Collections;

/// <summary>What a dictionary with weak keys does with its entries, and with the places of those that have died.</summary>
public sealed class WeakDictionaryTests
{
    private const int Many = 10_000;

    [Fact]
    public void An_entry_is_found_by_its_key_added_once_replaced_and_removed()
    {
        using TracedHeap heap = TracedHeaps.Still(HeapChecks.Full);
        TracedHandle<TracedWeakDictionary<Node, Node>> kept = WeakDictionaries.Make(heap);
        using TracedScope scope = heap.Enter();
        ref TracedWeakDictionary<Node, Node> dictionary = ref kept.Get(scope).Value;
        TracedRef<Node> key = scope.New<Node>();
        TracedRef<Node> equal = scope.New<Node>();
        TracedRef<Node> first = scope.New<Node>();
        Assert.False(dictionary.ContainsKey(scope, key));
        Assert.True(dictionary.TryAdd(scope, key, first));
        Assert.False(dictionary.TryAdd(scope, key, scope.New<Node>()));
        Assert.Contains("Set", WeakDictionaries.AddAgain(scope, kept, key).Message, StringComparison.Ordinal);
        Assert.True(dictionary.Get(scope, key) == first);
        Assert.False(dictionary.TryGetValue(scope, equal, out TracedRef<Node> none));
        Assert.True(none.IsNull);
        dictionary.Set(scope, key, default);
        Assert.True(dictionary.Get(scope, key).IsNull);
        dictionary.Set(scope, equal, first);
        Assert.Equal(2, dictionary.Count);
        Assert.True(dictionary.Remove(scope, key));
        Assert.False(dictionary.Remove(scope, key));
        Assert.False(dictionary.ContainsKey(scope, key));
        Assert.True(dictionary.ContainsKey(scope, equal));
        Assert.Equal(1, dictionary.Count);
        dictionary.Clear(scope);
        Assert.Equal(0, dictionary.Count);
        Assert.False(dictionary.ContainsKey(scope, equal));
    }

    [Fact]
    public void Places_of_dead_entries_are_used_again()
    {
        using TracedHeap heap = TracedHeaps.Still();
        TracedHandle<TracedWeakDictionary<Node, Node>> kept = WeakDictionaries.Make(heap);
        TracedRoots<Node> keys = heap.CreateRoots<Node>(100);
        (long Small, long Large)? size = null;
        for (int round = 0; round < 50; round++)
        {
            using (TracedScope scope = heap.Enter())
            {
                for (int i = 0; i < Many; i++)
                {
                    TracedRef<Node> key = scope.New<Node>();
                    kept.Get(scope).Value.Add(scope, key, key);
                    keys.Set(scope, i % 100, key);
                }
            }

            heap.CollectAndSweep();
            Assert.Equal(100, WeakDictionaries.CountOf(heap, kept));
            size ??= round == 5 ? TracedCensus.Take(heap) : null;
        }

        Assert.Equal(size, TracedCensus.Take(heap));
    }

    [Fact]
    public void It_counts_right_when_it_grows_with_some_entries_that_have_died()
    {
        using TracedHeap heap = TracedHeaps.Still();
        TracedHandle<TracedWeakDictionary<Node, Node>> kept = WeakDictionaries.Make(heap);
        TracedRoots<Node> keys = heap.CreateRoots<Node>(1000);
        int live = 0;
        for (int round = 0; round < 10; round++)
        {
            using (TracedScope scope = heap.Enter())
            {
                // Every tenth dies: too few to free them before the array has to be larger.
                for (int i = 0; i < (round == 0 ? 8 : 100); i++)
                {
                    TracedRef<Node> key = scope.New<Node>();
                    kept.Get(scope).Value.Add(scope, key, default);
                    keys.Set(scope, (round * 100) + i, i % 10 == 0 ? default : key);
                    live++;
                    Assert.Equal(live, kept.Get(scope).Value.Count);
                }
            }

            heap.CollectAndSweep();
            live -= round == 0 ? 1 : 10;
            Assert.Equal(live, WeakDictionaries.CountOf(heap, kept));
        }
    }

    [Fact]
    public void It_grows_over_many_segments_and_shrinks()
    {
        const int Entries = 100_000;
        using TracedHeap heap = TracedHeaps.Still();
        TracedHandle<TracedWeakDictionary<Node, Node>> kept = WeakDictionaries.Make(heap);
        TracedRoots<Node> keys = heap.CreateRoots<Node>(Entries);
        using (TracedScope scope = heap.Enter())
        {
            kept.Get(scope).Value.EnsureCapacity(scope, 1000);
            for (int i = 0; i < Entries; i++)
            {
                keys.Set(scope, i, WeakDictionaries.NewNode(scope, i));
                kept.Get(scope).Value.Add(scope, keys.Get(scope, i), WeakDictionaries.NewNode(scope, -i));
            }

            for (int i = 0; i < Entries; i += 7)
            {
                Assert.True(kept.Get(scope).Value.Remove(scope, keys.Get(scope, i)));
            }

            for (int i = 1; i < Entries; i += 7)
            {
                keys.Set(scope, i, default);
            }
        }

        heap.CollectAndSweep();
        using (TracedScope scope = heap.Enter())
        {
            ref TracedWeakDictionary<Node, Node> dictionary = ref kept.Get(scope).Value;
            Assert.Equal(Enumerable.Range(0, Entries).Count(static i => i % 7 > 1), dictionary.Count);
            for (int i = 0; i < Entries; i++)
            {
                Assert.Equal(i % 7 > 1, !keys.Get(scope, i).IsNull && dictionary.TryGetValue(scope, keys.Get(scope, i), out TracedRef<Node> value) && value.Value.Value == -i);
            }

            dictionary.Clear(scope);
            Assert.Equal(0, dictionary.Count);
            dictionary.Add(scope, keys.Get(scope, 2), default);
            Assert.Equal(1, dictionary.Count);
        }

        heap.CollectAndSweep();
        Assert.Equal(1, WeakDictionaries.CountOf(heap, kept));
    }

    [Fact]
    public void An_enumeration_gives_each_entry_once_and_ends_when_the_dictionary_changes()
    {
        using TracedHeap heap = TracedHeaps.Still(HeapChecks.Full);
        TracedHandle<TracedWeakDictionary<Node, Node>> kept = WeakDictionaries.Make(heap);
        TracedRoots<Node> keys = heap.CreateRoots<Node>(100);
        using (TracedScope scope = heap.Enter())
        {
            for (int i = 0; i < 1000; i++)
            {
                TracedRef<Node> key = WeakDictionaries.NewNode(scope, i);
                kept.Get(scope).Value.Add(scope, key, WeakDictionaries.NewNode(scope, -i));
                keys.Set(scope, i % 100, key);
            }
        }

        heap.CollectAndSweep();
        using (TracedScope scope = heap.Enter())
        {
            ref TracedWeakDictionary<Node, Node> dictionary = ref kept.Get(scope).Value;
            List<long> seen = [];
            foreach (TracedWeakEntry<Node, Node> entry in dictionary)
            {
                Assert.Equal(-entry.GetKey(scope).Value.Value, entry.GetValue(scope).Value.Value);
                seen.Add(entry.GetKey(scope).Value.Value);
                dictionary.Set(scope, entry.GetKey(scope), entry.GetValue(scope));
            }

            Assert.Equal(Enumerable.Range(900, 100).Select(static i => (long)i), seen.Order());
            TracedWeakDictionary<Node, Node>.Enumerator entries = dictionary.GetEnumerator();
            Assert.True(entries.MoveNext());
            dictionary.Remove(scope, entries.Current.GetKey(scope));
            bool refused = false;
            try
            {
                entries.MoveNext();
            }
            catch (InvalidOperationException)
            {
                refused = true;
            }

            Assert.True(refused);
        }
    }
}
