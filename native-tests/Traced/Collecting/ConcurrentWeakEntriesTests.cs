using SpanHeap.Tests.Traced.Collections;
using SpanHeap.Traced;

namespace SpanHeap.Tests.Traced.Collecting;

/// <summary>
/// What threads do with weak dictionaries while the heap is marked: all that they got lives, and the entries whose keys nobody got go in the end.
/// </summary>
public sealed class ConcurrentWeakEntriesTests
{
    private const long Mark = 4711;

    [Fact]
    public void A_key_that_an_enumeration_gave_lives_and_so_does_its_value()
    {
        using TracedHeap heap = ConcurrentCycle.MakeHeap();
        TracedHandle<TracedWeakDictionary<Node, Node>> kept = MakeWithOneDead(heap);
        ConcurrentCycle.Begin(heap);
        ConcurrentCycle.Mark(heap);
        TracedHandle<Node> key = default;
        using (TracedScope scope = heap.Enter())
        {
            foreach (TracedWeakEntry<Node, Node> entry in kept.Get(scope).Value)
            {
                key = scope.Keep(entry.GetKey(scope));
            }
        }

        ConcurrentCycle.End(heap);
        using (TracedScope scope = heap.Enter())
        {
            Assert.Equal(1, kept.Get(scope).Value.Count);
            Assert.Equal(Mark, kept.Get(scope).Value.Get(scope, key.Get(scope)).Value.Value);
        }

        key.Dispose();
        heap.CollectAndSweep();
        Assert.Equal(0, WeakDictionaries.CountOf(heap, kept));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_value_that_an_enumeration_gave_lives_whether_or_not_its_key_does(bool refersToKey)
    {
        using TracedHeap heap = ConcurrentCycle.MakeHeap();
        TracedHandle<TracedWeakDictionary<Node, Node>> kept = MakeWithOneDead(heap, refersToKey);
        ConcurrentCycle.Begin(heap);
        ConcurrentCycle.Mark(heap);
        TracedHandle<Node> value = default;
        using (TracedScope scope = heap.Enter())
        {
            foreach (TracedWeakEntry<Node, Node> entry in kept.Get(scope).Value)
            {
                value = scope.Keep(entry.GetValue(scope));
            }
        }

        ConcurrentCycle.End(heap);
        using (TracedScope scope = heap.Enter())
        {
            Assert.Equal(refersToKey ? 1 : 0, kept.Get(scope).Value.Count);
            Assert.Equal((Mark, -Mark), (value.Get(scope).Value.Value, value.Get(scope).Value.Left.Get(scope).Value.Value));
        }
    }

    [Theory]
    [InlineData(Change.None)]
    [InlineData(Change.Removed)]
    [InlineData(Change.Replaced)]
    [InlineData(Change.Cleared)]
    [InlineData(Change.Grown)]
    [InlineData(Change.GrownAndRemoved)]
    [InlineData(Change.GrownAndCleared)]
    public void A_value_that_was_found_by_its_key_lives_whatever_becomes_of_its_entry(Change change)
    {
        foreach (bool marksBefore in (bool[])[false, true])
        {
            using TracedHeap heap = ConcurrentCycle.MakeHeap();
            TracedHandle<TracedWeakDictionary<Node, Node>> kept = WeakDictionaries.Make(heap);
            TracedHandle<Node> key, found;
            using (TracedScope scope = heap.Enter())
            {
                key = scope.Keep(scope.New<Node>());
                TracedRef<Node> value = WeakDictionaries.NewNode(scope, Mark);
                value.Value.Left.Set(scope, WeakDictionaries.NewNode(scope, -Mark));
                kept.Get(scope).Value.Add(scope, key.Get(scope), value);
            }

            ConcurrentCycle.Begin(heap);
            if (marksBefore)
            {
                ConcurrentCycle.Mark(heap);
            }

            using (TracedScope scope = heap.Enter())
            {
                // Only a new block keeps it, into which no marker looks.
                TracedRef<Node> black = scope.New<Node>();
                Assert.True(kept.Get(scope).Value.TryGetValue(scope, key.Get(scope), out TracedRef<Node> value));
                black.Value.Left.Set(scope, value);
                found = scope.Keep(black);
                Apply(scope, ref kept.Get(scope).Value, key.Get(scope), change);
            }

            key.Dispose();
            ConcurrentCycle.End(heap);
            using (TracedScope scope = heap.Enter())
            {
                TracedRef<Node> value = found.Get(scope).Value.Left.Get(scope);
                Assert.Equal((Mark, -Mark), (value.Value.Value, value.Value.Left.Get(scope).Value.Value));
            }

            heap.CollectAndSweep();
            Assert.Equal(0, WeakDictionaries.CountOf(heap, kept));
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Entries_that_are_copied_to_a_larger_array_go_if_their_keys_have_died(bool marksBefore)
    {
        const int Entries = 3000;
        using TracedHeap heap = ConcurrentCycle.MakeHeap();
        TracedHandle<TracedWeakDictionary<Node, Node>> kept = WeakDictionaries.Make(heap);
        TracedRoots<Node> keys = heap.CreateRoots<Node>(2 * Entries);
        using (TracedScope scope = heap.Enter())
        {
            for (int i = 0; i < Entries; i++)
            {
                Add(scope, ref kept.Get(scope).Value, keys, i);
            }
        }

        ConcurrentCycle.Begin(heap);
        if (marksBefore)
        {
            ConcurrentCycle.Mark(heap);
        }

        using (TracedScope scope = heap.Enter())
        {
            for (int i = Entries; i < 2 * Entries; i++)
            {
                Add(scope, ref kept.Get(scope).Value, keys, i);
            }
        }

        ConcurrentCycle.End(heap);
        using (TracedScope scope = heap.Enter())
        {
            // Keys that were made meanwhile live until the next collection.
            ref TracedWeakDictionary<Node, Node> dictionary = ref kept.Get(scope).Value;
            Assert.Equal((Entries / 2) + Entries, dictionary.Count);
            for (int i = 0; i < 2 * Entries; i += 2)
            {
                Assert.Equal(-i, dictionary.Get(scope, keys.Get(scope, i)).Value.Value);
            }
        }

        heap.CollectAndSweep();
        Assert.Equal(Entries, WeakDictionaries.CountOf(heap, kept));
    }

    [Fact]
    public void A_place_whose_entry_has_died_is_used_again_while_the_heap_is_marked()
    {
        const int Entries = 1000;
        using TracedHeap heap = ConcurrentCycle.MakeHeap();
        TracedHandle<TracedWeakDictionary<Node, Node>> kept = WeakDictionaries.Make(heap);
        TracedRoots<Node> keys = heap.CreateRoots<Node>(Entries);
        using (TracedScope scope = heap.Enter())
        {
            for (int i = 0; i < Entries; i++)
            {
                kept.Get(scope).Value.Add(scope, scope.New<Node>(), scope.New<Node>());
            }
        }

        // Whatever the places still have must not be taken for blocks.
        heap.CollectAndSweep();
        ConcurrentCycle.Begin(heap);
        using (TracedScope scope = heap.Enter())
        {
            for (int i = 0; i < Entries; i++)
            {
                TracedRef<WideNode> key = scope.New<WideNode>();
                kept.Get(scope).Value.Add(scope, key.As<Node>(), default);
                keys.Set(scope, i, key.As<Node>());
            }
        }

        ConcurrentCycle.End(heap);
        Assert.Equal(Entries, WeakDictionaries.CountOf(heap, kept));
    }

    [Fact]
    public void What_values_lead_to_is_marked_before_the_gate_closes_in_the_end()
    {
        const int Length = 20_000;
        using TracedHeap heap = ConcurrentCycle.MakeHeap();
        TracedHandle<TracedWeakDictionary<Node, Node>> kept = WeakDictionaries.Make(heap);
        using (TracedScope scope = heap.Enter())
        {
            scope.Keep(WeakDictionaries.AddChain(scope, kept.Get(scope), kept.Get(scope), Length));
        }

        ConcurrentCycle.Begin(heap);
        bool done = false;
        for (int i = 0; i < Length && !done; i++)
        {
            done = heap.Parts.Marking.TryMarkConcurrent(pages: 1);
        }

        Assert.True(done);
        long steps = heap.Parts.Team.Weak.Steps;
        Assert.InRange(steps, Length, 12 * Length);
        ConcurrentCycle.End(heap);
        Assert.InRange(heap.Parts.Team.Weak.Steps - steps, Length, 2 * Length);
        Assert.Equal(Length, WeakDictionaries.CountOf(heap, kept));
    }

    [Fact]
    public void A_collection_that_is_given_up_changes_no_dictionary()
    {
        using TracedHeap heap = ConcurrentCycle.MakeHeap();
        TracedHandle<TracedWeakDictionary<Node, Node>> kept = MakeWithOneDead(heap);
        ConcurrentCycle.Begin(heap);
        ConcurrentCycle.Mark(heap);
        ConcurrentCycle.Abandon(heap);
        Assert.True(heap.Parts.Team.Weak.IsEmpty);
        Assert.Equal(1, WeakDictionaries.CountOf(heap, kept));
        heap.CollectAndSweep();
        Assert.Equal(0, WeakDictionaries.CountOf(heap, kept));
    }

    // Nothing but its own value refers to the key.
    private static TracedHandle<TracedWeakDictionary<Node, Node>> MakeWithOneDead(TracedHeap heap, bool refersToKey = true)
    {
        TracedHandle<TracedWeakDictionary<Node, Node>> kept = WeakDictionaries.Make(heap);
        using TracedScope scope = heap.Enter();
        TracedRef<Node> key = scope.New<Node>();
        TracedRef<Node> value = WeakDictionaries.NewNode(scope, Mark);
        value.Value.Left.Set(scope, WeakDictionaries.NewNode(scope, -Mark));
        value.Value.Right.Set(scope, refersToKey ? key : default);
        kept.Get(scope).Value.Add(scope, key, value);
        return kept;
    }

    // Every second key is kept.
    private static void Add(in TracedScope scope, ref TracedWeakDictionary<Node, Node> dictionary, TracedRoots<Node> keys, int number)
    {
        TracedRef<Node> key = scope.New<Node>();
        dictionary.Add(scope, key, WeakDictionaries.NewNode(scope, -number));
        keys.Set(scope, number, number % 2 == 0 ? key : default);
    }

    private static void Apply(in TracedScope scope, ref TracedWeakDictionary<Node, Node> dictionary, TracedRef<Node> key, Change change)
    {
        if (change is Change.Grown or Change.GrownAndRemoved or Change.GrownAndCleared)
        {
            dictionary.EnsureCapacity(scope, 10_000);
        }

        switch (change)
        {
            case Change.Removed or Change.GrownAndRemoved:
                dictionary.Remove(scope, key);
                break;
            case Change.Replaced:
                dictionary.Set(scope, key, default);
                break;
            case Change.Cleared or Change.GrownAndCleared:
                dictionary.Clear(scope);
                break;
        }
    }

    /// <summary>What becomes of an entry whose value a thread has got.</summary>
    public enum Change
    {
        /// <summary>It stays.</summary>
        None,

        /// <summary>It is removed.</summary>
        Removed,

        /// <summary>It gets another value.</summary>
        Replaced,

        /// <summary>All entries are removed.</summary>
        Cleared,

        /// <summary>It is copied to a larger array.</summary>
        Grown,

        /// <summary>It is copied, and the copy is removed.</summary>
        GrownAndRemoved,

        /// <summary>It is copied, and all entries are removed.</summary>
        GrownAndCleared,
    }
}
