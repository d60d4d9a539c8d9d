using SpanHeap.Traced;

namespace SpanHeap.Tests.Traced.Collections;

/// <summary>Dictionaries whose values, or keys, are references.</summary>
public sealed class ReferenceDictionaryTests
{
    [Fact]
    public void What_a_value_refers_to_lives_as_long_as_the_entry()
    {
        using TracedHeap heap = TracedHeaps.Still(HeapChecks.Full);
        TracedHandle<TracedRefDictionary<int, Node>> kept;
        using (TracedScope scope = heap.Enter())
        {
            kept = scope.Keep(scope.New<TracedRefDictionary<int, Node>>());
            for (int i = 0; i < 1000; i++)
            {
                kept.Get(scope).Value.Add(scope, i, NewNode(scope, i));
            }
        }

        heap.CollectAndSweep();
        (long Small, long Large) full = TracedCensus.Take(heap);
        using (TracedScope scope = heap.Enter())
        {
            ref TracedRefDictionary<int, Node> dictionary = ref kept.Get(scope).Value;
            for (int i = 0; i < 1000; i++)
            {
                Assert.True(dictionary.TryGetValue(scope, i, out TracedRef<Node> node) && node.Value.Value == i);
            }

            Assert.True(dictionary.Remove(scope, 3) && !dictionary.TryGetValue(scope, 3, out TracedRef<Node> gone) && gone.IsNull);
            dictionary.Set(scope, 4, default);
            dictionary.Set(scope, 5, dictionary.Get(scope, 6));
        }

        heap.CollectAndSweep();
        Assert.Equal((full.Small - 3, full.Large), TracedCensus.Take(heap));
        using (TracedScope scope = heap.Enter())
        {
            kept.Get(scope).Value.Clear(scope);
        }

        heap.CollectAndSweep();
        Assert.Equal((full.Small - 1000, full.Large), TracedCensus.Take(heap));
    }

    [Fact]
    public void Strings_are_keys_by_their_text()
    {
        using TracedHeap heap = TracedHeaps.Still(HeapChecks.Full);
        TracedHandle<TracedDictionary<Traced<TracedString>, int>> kept;
        using (TracedScope scope = heap.Enter())
        {
            kept = scope.Keep(scope.New<TracedDictionary<Traced<TracedString>, int>>());
            for (int i = 0; i < 1000; i++)
            {
                kept.Get(scope).Value.Add(scope, scope.NewString($"key {i}"), i);
            }
        }

        heap.CollectAndSweep();
        using TracedScope look = heap.Enter();
        ref TracedDictionary<Traced<TracedString>, int> dictionary = ref kept.Get(look).Value;
        for (int i = 0; i < 1000; i++)
        {
            Assert.Equal(i, dictionary.Get(look, look.NewString($"key {i}")));
            Assert.True(dictionary.TryGetValue(look, System.Text.Encoding.UTF8.GetBytes($"key {i}"), out int value) && value == i);
        }

        Assert.False(dictionary.TryGetValue(look, "key"u8, out _) || dictionary.ContainsKey(look, look.NewString("key 1000")));
        int next = 0;
        foreach (TracedEntry<Traced<TracedString>, int> entry in dictionary)
        {
            Assert.Equal(($"key {next}", next), (entry.Key.Get(look).Value.ToString(), entry.Value));
            next++;
        }
    }

    [Fact]
    public void A_string_lives_as_long_as_its_entry()
    {
        using TracedHeap heap = TracedHeaps.Still();
        TracedHandle<TracedRefDictionary<Traced<TracedString>, Node>> kept;
        using (TracedScope scope = heap.Enter())
        {
            kept = scope.Keep(scope.New<TracedRefDictionary<Traced<TracedString>, Node>>());
            for (int i = 0; i < 100; i++)
            {
                kept.Get(scope).Value.Set(scope, scope.NewString($"{i}"), NewNode(scope, i));
                kept.Get(scope).Value.Set(scope, scope.NewString($"{i}"), NewNode(scope, -i));
            }
        }

        heap.CollectAndSweep();
        (long Small, long Large) full = TracedCensus.Take(heap);
        using (TracedScope scope = heap.Enter())
        {
            ref TracedRefDictionary<Traced<TracedString>, Node> dictionary = ref kept.Get(scope).Value;
            Assert.Equal((100L, -7L), (dictionary.Count, dictionary.Get(scope, scope.NewString("7")).Value.Value));
            Assert.True(dictionary.TryGetValue(scope, "8"u8, out TracedRef<Node> node) && node.Value.Value == -8);
            Assert.True(dictionary.Remove(scope, scope.NewString("7")) && !dictionary.Remove(scope, scope.NewString("7")));
        }

        heap.CollectAndSweep();
        Assert.Equal((full.Small - 2, full.Large), TracedCensus.Take(heap));
    }

    internal static TracedRef<Node> NewNode(in TracedScope scope, long number)
    {
        TracedRef<Node> node = scope.New<Node>();
        node.Value.Value = number;
        return node;
    }
}
