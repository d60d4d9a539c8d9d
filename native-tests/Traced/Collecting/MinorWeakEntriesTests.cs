using SpanHeap.Tests.Support;
using SpanHeap.Tests.Traced.Collections;
using SpanHeap.Traced;

namespace SpanHeap.Tests.Traced.Collecting;

/// <summary>A minor collection takes the entries of young keys that have died, from old dictionaries as well, and no others.</summary>
[Unguarded("how much is made until a collection is due depends on the size of blocks")]
public sealed class MinorWeakEntriesTests
{
    private const int Entries = 5_000;

    [Fact]
    public void Young_keys_of_an_old_dictionary_die_and_those_that_live_keep_their_young_values()
    {
        using TracedHeap heap = MinorHeaps.Make();
        TracedHandle<TracedWeakDictionary<Node, Node>> kept = WeakDictionaries.Make(heap);
        TracedRoots<Node> keys = heap.CreateRoots<Node>(100);
        using (TracedScope scope = heap.Enter())
        {
            kept.Get(scope).Value.EnsureCapacity(scope, Entries);
        }

        heap.MakeOld();
        using (TracedScope scope = heap.Enter())
        {
            for (int i = 0; i < 100; i++)
            {
                TracedRef<Node> key = WeakDictionaries.NewNode(scope, i);
                TracedRef<Node> value = WeakDictionaries.NewNode(scope, -i);
                value.Value.Left.Set(scope, key);
                kept.Get(scope).Value.Add(scope, key, value);
                keys.Set(scope, i, i % 2 == 0 ? key : default);
            }
        }

        Assert.Equal(100, heap.CollectYoung());
        AssertHasEven(heap, kept, keys);

        // They are old by now, and the cards of their entries are clear.
        heap.CollectYoung();
        AssertHasEven(heap, kept, keys);
        keys.Dispose();
        heap.CollectYoung();
        Assert.Equal(50, WeakDictionaries.CountOf(heap, kept));
        heap.CollectAndSweep();
        Assert.Equal(0, WeakDictionaries.CountOf(heap, kept));
    }

    [Fact]
    public void A_young_value_of_an_old_key_lives()
    {
        using TracedHeap heap = MinorHeaps.Make();
        TracedHandle<TracedWeakDictionary<Node, Node>> kept = WeakDictionaries.Make(heap);
        TracedHandle<Node> key;
        using (TracedScope scope = heap.Enter())
        {
            key = scope.Keep(scope.New<Node>());
            kept.Get(scope).Value.Add(scope, key.Get(scope), WeakDictionaries.NewNode(scope, 1));
        }

        heap.MakeOld();
        using (TracedScope scope = heap.Enter())
        {
            kept.Get(scope).Value.Set(scope, key.Get(scope), WeakDictionaries.NewNode(scope, 2));
        }

        heap.CollectYoung();
        heap.CollectYoung();
        using (TracedScope scope = heap.Enter())
        {
            Assert.Equal(2, kept.Get(scope).Value.Get(scope, key.Get(scope)).Value.Value);
        }
    }

    [Fact]
    public void A_young_key_that_only_a_young_value_of_an_old_key_refers_to_lives()
    {
        using TracedHeap heap = MinorHeaps.Make();
        TracedHandle<TracedWeakDictionary<Node, Node>> kept = WeakDictionaries.Make(heap);
        TracedHandle<Node> first;
        using (TracedScope scope = heap.Enter())
        {
            first = scope.Keep(scope.New<Node>());
        }

        heap.MakeOld();
        using (TracedScope scope = heap.Enter())
        {
            TracedRef<Node> second = scope.New<Node>();
            kept.Get(scope).Value.Add(scope, second, WeakDictionaries.NewNode(scope, 2));
            TracedRef<Node> value = WeakDictionaries.NewNode(scope, 1);
            value.Value.Left.Set(scope, second);
            kept.Get(scope).Value.Add(scope, first.Get(scope), value);
        }

        heap.CollectYoung();
        using (TracedScope scope = heap.Enter())
        {
            TracedRef<Node> second = kept.Get(scope).Value.Get(scope, first.Get(scope)).Value.Left.Get(scope);
            Assert.Equal(2, kept.Get(scope).Value.Get(scope, second).Value.Value);
        }
    }

    [Fact]
    public void Entries_of_an_old_dictionary_that_grows_stay()
    {
        using TracedHeap heap = MinorHeaps.Make();
        TracedHandle<TracedWeakDictionary<Node, Node>> kept = WeakDictionaries.Make(heap);
        TracedRoots<Node> keys = heap.CreateRoots<Node>(Entries);
        for (int round = 0; round < 5; round++)
        {
            using (TracedScope scope = heap.Enter())
            {
                for (int i = round * Entries / 5; i < (round + 1) * Entries / 5; i++)
                {
                    keys.Set(scope, i, scope.New<Node>());
                    kept.Get(scope).Value.Add(scope, keys.Get(scope, i), WeakDictionaries.NewNode(scope, i));
                }
            }

            heap.CollectByGrowth();
        }

        using (TracedScope scope = heap.Enter())
        {
            Assert.Equal(Entries, kept.Get(scope).Value.Count);
            for (int i = 0; i < Entries; i++)
            {
                Assert.Equal(i, kept.Get(scope).Value.Get(scope, keys.Get(scope, i)).Value.Value);
            }
        }
    }

    private static void AssertHasEven(TracedHeap heap, TracedHandle<TracedWeakDictionary<Node, Node>> kept, TracedRoots<Node> keys)
    {
        using TracedScope scope = heap.Enter();
        Assert.Equal(50, kept.Get(scope).Value.Count);
        for (int i = 0; i < 100; i += 2)
        {
            Assert.Equal(-i, kept.Get(scope).Value.Get(scope, keys.Get(scope, i)).Value.Value);
        }
    }
}
