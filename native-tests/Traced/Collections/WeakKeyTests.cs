using SpanHeap.Traced;

namespace SpanHeap.Tests.Traced.Collections;

/// <summary>An entry of a dictionary with weak keys lives as long as its key, whatever its value refers to.</summary>
public sealed class WeakKeyTests
{
    private const int Many = 10_000;

    [Theory]
    [InlineData(HeapChecks.Standard)]
    [InlineData(HeapChecks.Full)]
    public void Keys_to_which_only_their_own_values_refer_die(HeapChecks checks)
    {
        using TracedHeap heap = TracedHeaps.Still(checks);
        TracedHandle<TracedWeakDictionary<Node, Node>> kept = WeakDictionaries.Make(heap);
        using (TracedScope scope = heap.Enter())
        {
            for (int i = 0; i < Many; i++)
            {
                TracedRef<Node> key = scope.New<Node>();
                TracedRef<Node> value = scope.New<Node>();
                value.Value.Left.Set(scope, key);
                kept.Get(scope).Value.Add(scope, key, value);
            }

            Assert.Equal(Many, kept.Get(scope).Value.Count);
        }

        heap.CollectAndSweep();
        Assert.InRange(TracedCensus.Take(heap).Small, 1, 10);
        using (TracedScope scope = heap.Enter())
        {
            Assert.Equal(0, kept.Get(scope).Value.Count);
            Assert.False(kept.Get(scope).Value.GetEnumerator().MoveNext());
        }
    }

    [Theory]
    [InlineData(HeapChecks.Standard)]
    [InlineData(HeapChecks.Full)]
    public void Entries_whose_keys_live_stay_and_keep_their_values(HeapChecks checks)
    {
        using TracedHeap heap = TracedHeaps.Still(checks);
        TracedHandle<TracedWeakDictionary<Node, Node>> kept = WeakDictionaries.Make(heap);
        List<TracedHandle<Node>> keys = [];
        using (TracedScope scope = heap.Enter())
        {
            for (int i = 0; i < Many; i++)
            {
                TracedRef<Node> key = WeakDictionaries.NewNode(scope, i);
                kept.Get(scope).Value.Add(scope, key, WeakDictionaries.NewNode(scope, -i));
                if (i % 3 == 0)
                {
                    keys.Add(scope.Keep(key));
                }
            }
        }

        for (int round = 0; round < 2; round++)
        {
            heap.CollectAndSweep();
            using TracedScope scope = heap.Enter();
            ref TracedWeakDictionary<Node, Node> dictionary = ref kept.Get(scope).Value;
            Assert.Equal(keys.Count, dictionary.Count);
            foreach (TracedHandle<Node> key in keys)
            {
                TracedRef<Node> block = key.Get(scope);
                Assert.True(dictionary.TryGetValue(scope, block, out TracedRef<Node> value));
                Assert.Equal(-block.Value.Value, value.Value.Value);
            }
        }
    }

    [Fact]
    public void Keys_die_together_whose_values_lead_from_one_to_the_next_through_several_dictionaries()
    {
        using TracedHeap heap = TracedHeaps.Still();
        TracedHandle<TracedWeakDictionary<Node, Node>> one = WeakDictionaries.Make(heap);
        TracedHandle<TracedWeakDictionary<Node, Node>> other = WeakDictionaries.Make(heap);
        TracedHandle<Node> first;
        using (TracedScope scope = heap.Enter())
        {
            first = scope.Keep(WeakDictionaries.AddChain(scope, one.Get(scope), other.Get(scope), Many));
        }

        heap.CollectAndSweep();
        Assert.Equal((Many / 2, Many / 2), (WeakDictionaries.CountOf(heap, one), WeakDictionaries.CountOf(heap, other)));
        first.Dispose();
        heap.CollectAndSweep();
        Assert.Equal((0, 0), (WeakDictionaries.CountOf(heap, one), WeakDictionaries.CountOf(heap, other)));
    }

    [Fact]
    public void A_dictionary_that_is_the_value_of_another_is_followed()
    {
        using TracedHeap heap = TracedHeaps.Still(HeapChecks.Full);
        TracedHandle<Node> outerKey, innerKey;
        TracedHandle<TracedWeakDictionary<Node, TracedWeakDictionary<Node, Node>>> outer;
        using (TracedScope scope = heap.Enter())
        {
            outer = scope.Keep(scope.New<TracedWeakDictionary<Node, TracedWeakDictionary<Node, Node>>>());
            outerKey = scope.Keep(scope.New<Node>());
            innerKey = scope.Keep(scope.New<Node>());
            TracedRef<TracedWeakDictionary<Node, Node>> inner = scope.New<TracedWeakDictionary<Node, Node>>();
            outer.Get(scope).Value.Add(scope, outerKey.Get(scope), inner);
            inner.Value.Add(scope, innerKey.Get(scope), WeakDictionaries.NewNode(scope, 5));
            inner.Value.Add(scope, scope.New<Node>(), scope.New<Node>());
        }

        heap.CollectAndSweep();
        using (TracedScope scope = heap.Enter())
        {
            ref TracedWeakDictionary<Node, Node> inner = ref outer.Get(scope).Value.Get(scope, outerKey.Get(scope)).Value;
            Assert.Equal((1, 5), (inner.Count, inner.Get(scope, innerKey.Get(scope)).Value.Value));
        }

        outerKey.Dispose();
        heap.CollectAndSweep();
        using (TracedScope scope = heap.Enter())
        {
            Assert.Equal(0, outer.Get(scope).Value.Count);
        }
    }

    [Fact]
    public void A_block_that_is_made_where_a_key_has_died_is_not_found()
    {
        using TracedHeap heap = TracedHeaps.Still();
        TracedHandle<TracedWeakDictionary<Node, Node>> kept = WeakDictionaries.Make(heap);
        HashSet<nint> dead = [];
        using (TracedScope scope = heap.Enter())
        {
            for (int i = 0; i < Many; i++)
            {
                TracedRef<Node> key = scope.New<Node>();
                dead.Add(key.Address);
                kept.Get(scope).Value.Add(scope, key, kept.Get(scope).As<Node>());
            }
        }

        heap.CollectAndSweep();
        using (TracedScope scope = heap.Enter())
        {
            int reused = 0;
            for (int i = 0; i < Many; i++)
            {
                TracedRef<Node> made = scope.New<Node>();
                reused += dead.Contains(made.Address) ? 1 : 0;
                Assert.False(kept.Get(scope).Value.ContainsKey(scope, made));
                Assert.True(kept.Get(scope).Value.TryAdd(scope, made, made));
            }

            Assert.InRange(reused, 1, Many);
            Assert.Equal(Many, kept.Get(scope).Value.Count);
        }
    }

    [Fact]
    public void Blocks_without_references_and_collectable_blocks_are_keys_as_well()
    {
        using TracedHeap heap = TracedHeaps.Still();
        TracedHandle<TracedWeakDictionary<byte, Node>> kept;
        TracedHandle<TracedString> name;
        using (TracedScope scope = heap.Enter())
        {
            kept = scope.Keep(scope.New<TracedWeakDictionary<byte, Node>>());
            name = scope.Keep(scope.NewString("kept"));
            ref TracedWeakDictionary<byte, Node> dictionary = ref kept.Get(scope).Value;
            dictionary.Add(scope, name.Get(scope).As<byte>(), WeakDictionaries.NewNode(scope, 1));
            dictionary.Add(scope, scope.NewString("dropped").As<byte>(), WeakDictionaries.NewNode(scope, 2));
            dictionary.Add(scope, scope.NewCollectable(100), WeakDictionaries.NewNode(scope, 3));
            dictionary.Add(scope, scope.NewValues<long>(1 << 16).As<byte>(), WeakDictionaries.NewNode(scope, 4));
        }

        heap.CollectAndSweep();
        using (TracedScope scope = heap.Enter())
        {
            ref TracedWeakDictionary<byte, Node> dictionary = ref kept.Get(scope).Value;
            Assert.Equal((2, 1), (dictionary.Count, dictionary.Get(scope, name.Get(scope).As<byte>()).Value.Value));
        }

        using (heap.BeginMark())
        {
            // None of the collectable blocks is marked, and the session is given up: nothing dies.
        }

        using (MarkSession session = heap.BeginMark())
        {
            session.Complete();
        }

        using (TracedScope scope = heap.Enter())
        {
            Assert.Equal(1, kept.Get(scope).Value.Count);
        }
    }

    [Fact]
    public void A_dead_key_is_gone_before_its_clean_up_runs_and_a_clean_up_keeps_none()
    {
        using TracedHeap heap = TracedHeaps.Still();
        TracedHandle<TracedWeakDictionary<Node, Node>> kept = WeakDictionaries.Make(heap);
        List<(string Block, long Count)> log = [];
        TracedWeakHandle<Node> weakKey, weakValue;
        using (TracedScope scope = heap.Enter())
        {
            // Only a block with a clean-up refers to the key, and only the entry keeps its value.
            TracedRef<Node> holder = scope.New<Node>();
            TracedRef<Node> key = scope.New<Node>();
            TracedRef<Node> value = scope.New<Node>();
            holder.Value.Left.Set(scope, key);
            value.Value.Left.Set(scope, key);
            kept.Get(scope).Value.Add(scope, key, value);
            scope.OnDead(holder, Note, "holder");
            scope.OnDead(key, Note, "key");
            scope.OnDead(value, Note, "value");
            (weakKey, weakValue) = (scope.KeepWeak(key), scope.KeepWeak(value));
        }

        heap.Collect();
        heap.RunCleanUps();
        Assert.Equal([("holder", 0), ("key", 0), ("value", 0)], log);
        Assert.False(weakKey.IsAlive || weakValue.IsAlive);

        void Note(string block) => log.Add((block, WeakDictionaries.CountOf(heap, kept)));
    }

    [Fact]
    public void A_dictionary_that_dies_takes_its_entries_with_it()
    {
        using TracedHeap heap = TracedHeaps.Still(HeapChecks.Full);
        TracedHandle<TracedWeakDictionary<Node, Node>> kept = WeakDictionaries.Make(heap);
        TracedHandle<Node> key;
        using (TracedScope scope = heap.Enter())
        {
            key = scope.Keep(scope.New<Node>());
            kept.Get(scope).Value.Add(scope, key.Get(scope), scope.New<Node>());
        }

        heap.CollectAndSweep();
        kept.Dispose();
        heap.CollectAndSweep();
        Assert.Equal((1L, 0L), TracedCensus.Take(heap));
    }
}
