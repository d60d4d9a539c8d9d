using SpanHeap.Traced;

namespace SpanHeap.Tests.Traced.Collections;

/// <summary>What a dictionary with weak keys refuses leaves it as it was.</summary>
public sealed class WeakDictionaryMisuseTests
{
    private delegate void Use(TracedScope scope, TracedRef<TracedWeakDictionary<Node, Node>> dictionary, TracedRef<Node> key);

    [Fact]
    public void A_key_that_is_none_is_refused()
    {
        AssertRefused<ArgumentNullException>(static (scope, dictionary, _) => dictionary.Value.Add(scope, default, default));
        AssertRefused<ArgumentNullException>(static (scope, dictionary, _) => dictionary.Value.TryAdd(scope, default, default));
        AssertRefused<ArgumentNullException>(static (scope, dictionary, _) => dictionary.Value.Set(scope, default, default));
        AssertRefused<ArgumentNullException>(static (scope, dictionary, _) => dictionary.Value.Get(scope, default));
        AssertRefused<ArgumentNullException>(static (scope, dictionary, _) => dictionary.Value.TryGetValue(scope, default, out TracedRef<Node> _));
        AssertRefused<ArgumentNullException>(static (scope, dictionary, _) => dictionary.Value.ContainsKey(scope, default));
        AssertRefused<ArgumentNullException>(static (scope, dictionary, _) => dictionary.Value.Remove(scope, default));
    }

    [Fact]
    public void A_key_that_is_not_there_and_one_that_is_are_named()
    {
        Assert.Contains("Node at 0x", AssertRefused<KeyNotFoundException>(static (scope, dictionary, _) => dictionary.Value.Get(scope, scope.New<Node>())).Message, StringComparison.Ordinal);
        Assert.Contains("Node at 0x", AssertRefused<ArgumentException>(static (scope, dictionary, key) => dictionary.Value.Add(scope, key, key)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void With_full_checks_only_blocks_are_keys_and_values()
    {
        AssertRefused<HeapCorruptionException>(static (scope, dictionary, key) => dictionary.Value.Add(scope, new TracedRef<Node>(key.Address + 8), key));
        AssertRefused<HeapCorruptionException>(static (scope, dictionary, key) => dictionary.Value.ContainsKey(scope, new TracedRef<Node>(key.Address + 8)));
        AssertRefused<HeapCorruptionException>(static (scope, dictionary, key) => dictionary.Value.Add(scope, scope.New<Node>(), new TracedRef<Node>(key.Address + 8)));
        AssertRefused<HeapCorruptionException>(static (scope, dictionary, key) => dictionary.Value.Set(scope, key, new TracedRef<Node>(key.Address + 8)));
    }

    [Fact]
    public void Capacities_that_cannot_be_are_refused()
    {
        AssertRefused<ArgumentOutOfRangeException>(static (scope, dictionary, _) => dictionary.Value.EnsureCapacity(scope, -1));
        AssertRefused<OutOfMemoryException>(static (scope, dictionary, _) => dictionary.Value.EnsureCapacity(scope, 1L << 31));
    }

    [Fact]
    public void A_dictionary_that_changes_while_it_is_enumerated_says_so()
    {
        foreach (Use change in (Use[])
            [
                static (scope, dictionary, key) => dictionary.Value.Add(scope, scope.New<Node>(), key), static (scope, dictionary, key) => dictionary.Value.Remove(scope, key),
                static (scope, dictionary, _) => dictionary.Value.Clear(scope), static (scope, dictionary, _) => dictionary.Value.EnsureCapacity(scope, 1000),
            ])
        {
            using TracedHeap heap = TracedHeaps.Still();
            InvalidOperationException refused = Assert.Throws<InvalidOperationException>(() =>
            {
                using TracedScope scope = heap.Enter();
                TracedRef<TracedWeakDictionary<Node, Node>> dictionary = scope.New<TracedWeakDictionary<Node, Node>>();
                TracedRef<Node> key = scope.New<Node>();
                dictionary.Value.Add(scope, key, key);
                foreach (TracedWeakEntry<Node, Node> entry in dictionary.Value)
                {
                    change(scope, dictionary, key);
                }
            });
            Assert.Contains("changed while it was enumerated", refused.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void With_full_checks_a_scope_that_has_ended_and_one_of_another_heap_are_refused()
    {
        using TracedHeap heap = new(new TracedHeapOptions { Name = "First", Checks = HeapChecks.Full });
        using TracedHeap other = new(new TracedHeapOptions { Name = "Second", Checks = HeapChecks.Full });
        TracedHandle<TracedWeakDictionary<Node, Node>> kept = WeakDictionaries.Make(heap);
        Assert.Throws<InvalidOperationException>(() =>
        {
            using TracedScope scope = heap.Enter();
            TracedRef<Node> key = scope.New<Node>();
            TracedScope ended = heap.Enter();
            ended.Dispose();
            kept.Get(scope).Value.ContainsKey(ended, key);
        });
        string message = Assert.Throws<InvalidOperationException>(() =>
        {
            using TracedScope scope = heap.Enter();
            using TracedScope foreign = other.Enter();
            kept.Get(scope).Value.Clear(foreign);
        }).Message;
        Assert.Contains("'First'", message, StringComparison.Ordinal);
        Assert.Contains("'Second'", message, StringComparison.Ordinal);
        heap.CollectAndSweep();
        other.CollectAndSweep();
    }

    [Fact]
    public void Without_checks_one_that_would_grow_into_another_heap_is_refused()
    {
        using TracedHeap heap = TracedHeaps.Still();
        using TracedHeap other = TracedHeaps.Still();
        TracedHandle<TracedWeakDictionary<Node, Node>> kept = WeakDictionaries.Make(heap);
        Assert.Throws<InvalidOperationException>(() =>
        {
            using TracedScope scope = heap.Enter();
            using TracedScope foreign = other.Enter();
            kept.Get(scope).Value.Add(foreign, foreign.New<Node>(), default);
        });
        Assert.Equal(0, WeakDictionaries.CountOf(heap, kept));
        heap.CollectAndSweep();
        other.CollectAndSweep();
    }

    [Fact]
    public void With_full_checks_a_key_that_has_died_is_refused()
    {
        using TracedHeap heap = TracedHeaps.Still(HeapChecks.Full);
        TracedHandle<TracedWeakDictionary<Node, Node>> kept = WeakDictionaries.Make(heap);
        nint dead;
        using (TracedScope scope = heap.Enter())
        {
            TracedRef<Node> key = scope.New<Node>();
            dead = key.Address;
            kept.Get(scope).Value.Add(scope, key, key);
        }

        heap.CollectAndSweep();
        Assert.Throws<HeapCorruptionException>(() =>
        {
            using TracedScope scope = heap.Enter();
            kept.Get(scope).Value.ContainsKey(scope, new TracedRef<Node>(dead));
        });
    }

    [Fact]
    public void Without_memory_to_grow_a_dictionary_stays_as_it_was()
    {
        using TracedHeap heap = new(new TracedHeapOptions { MinimumBytes = nuint.MaxValue >> 2, ScavengeDelay = Timeout.InfiniteTimeSpan, MemoryLimit = 8 << 20 });
        TracedHandle<TracedWeakDictionary<Node, Node>> kept = WeakDictionaries.Make(heap);
        long count = 0;
        Assert.Throws<OutOfMemoryException>(() =>
        {
            using TracedScope scope = heap.Enter();
            TracedRef<Node> first = scope.New<Node>();
            scope.Keep(first);
            for (; count < 1_000_000; count++)
            {
                TracedRef<Node> key = scope.New<Node>();
                scope.Keep(key);
                kept.Get(scope).Value.Add(scope, key, first);
            }
        });
        Assert.Equal(count, WeakDictionaries.CountOf(heap, kept));
        heap.CollectAndSweep();
        Assert.Equal(count, WeakDictionaries.CountOf(heap, kept));
    }

    private static TException AssertRefused<TException>(Use use)
        where TException : Exception
    {
        using TracedHeap heap = TracedHeaps.Still(HeapChecks.Full);
        TracedHandle<TracedWeakDictionary<Node, Node>> kept = WeakDictionaries.Make(heap);
        TracedHandle<Node> key;
        using (TracedScope scope = heap.Enter())
        {
            key = scope.Keep(scope.New<Node>());
            kept.Get(scope).Value.Add(scope, key.Get(scope), WeakDictionaries.NewNode(scope, 5));
        }

        TException refused = Assert.Throws<TException>(() =>
        {
            using TracedScope scope = heap.Enter();
            use(scope, kept.Get(scope), key.Get(scope));
        });
        heap.CollectAndSweep();
        using TracedScope look = heap.Enter();
        Assert.Equal((1, 5), (kept.Get(look).Value.Count, kept.Get(look).Value.Get(look, key.Get(look)).Value.Value));
        return refused;
    }
}
