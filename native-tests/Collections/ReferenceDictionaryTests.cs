using SpanHeap.Tests.Tracing;

namespace SpanHeap.Tests.Collections;

/// <summary>Dictionaries whose values, or keys, are references.</summary>
public sealed class ReferenceDictionaryTests
{
    [Fact]
    public void What_a_value_refers_to_lives_as_long_as_the_entry()
    {
        using NativeHeap heap = TracedHeaps.Still(HeapChecks.Full);
        GcHandle<TracedRefDictionary<int, Node>> kept;
        using (GcScope scope = heap.Enter())
        {
            kept = scope.Keep(scope.New<TracedRefDictionary<int, Node>>());
            for (int i = 0; i < 1000; i++)
            {
                kept.Get(scope).Value.Add(scope, i, NewNode(scope, i));
            }
        }

        heap.CollectAndSweep();
        (long Small, long Large) full = TracedCensus.Take(heap);
        using (GcScope scope = heap.Enter())
        {
            ref TracedRefDictionary<int, Node> dictionary = ref kept.Get(scope).Value;
            for (int i = 0; i < 1000; i++)
            {
                Assert.True(dictionary.TryGetValue(scope, i, out GcRef<Node> node) && node.Value.Value == i);
            }

            Assert.True(dictionary.Remove(scope, 3) && !dictionary.TryGetValue(scope, 3, out GcRef<Node> gone) && gone.IsNull);
            dictionary.Set(scope, 4, default);
            dictionary.Set(scope, 5, dictionary.Get(scope, 6));
        }

        heap.CollectAndSweep();
        Assert.Equal((full.Small - 3, full.Large), TracedCensus.Take(heap));
        using (GcScope scope = heap.Enter())
        {
            kept.Get(scope).Value.Clear(scope);
        }

        heap.CollectAndSweep();
        Assert.Equal((full.Small - 1000, full.Large), TracedCensus.Take(heap));
    }

    [Fact]
    public void Strings_are_keys_by_their_text()
    {
        using NativeHeap heap = TracedHeaps.Still(HeapChecks.Full);
        GcHandle<TracedStringDictionary<int>> kept;
        using (GcScope scope = heap.Enter())
        {
            kept = scope.Keep(scope.New<TracedStringDictionary<int>>());
            for (int i = 0; i < 1000; i++)
            {
                kept.Get(scope).Value.Add(scope, scope.NewString($"key {i}"), i);
            }
        }

        heap.CollectAndSweep();
        using GcScope look = heap.Enter();
        ref TracedStringDictionary<int> dictionary = ref kept.Get(look).Value;
        for (int i = 0; i < 1000; i++)
        {
            Assert.Equal(i, dictionary.Get(look, look.NewString($"key {i}")));
            Assert.True(dictionary.TryGetValue(look, System.Text.Encoding.UTF8.GetBytes($"key {i}"), out int value) && value == i);
        }

        Assert.False(dictionary.TryGetValue(look, "key"u8, out _) || dictionary.ContainsKey(look, look.NewString("key 1000")));
        int next = 0;
        foreach (TracedEntry<Gc<TracedString>, int> entry in dictionary)
        {
            Assert.Equal(($"key {next}", next), (entry.Key.Get(look).Value.ToString(), entry.Value));
            next++;
        }
    }

    [Fact]
    public void A_string_lives_as_long_as_its_entry()
    {
        using NativeHeap heap = TracedHeaps.Still();
        GcHandle<TracedStringRefDictionary<Node>> kept;
        using (GcScope scope = heap.Enter())
        {
            kept = scope.Keep(scope.New<TracedStringRefDictionary<Node>>());
            for (int i = 0; i < 100; i++)
            {
                kept.Get(scope).Value.Set(scope, scope.NewString($"{i}"), NewNode(scope, i));
                kept.Get(scope).Value.Set(scope, scope.NewString($"{i}"), NewNode(scope, -i));
            }
        }

        heap.CollectAndSweep();
        (long Small, long Large) full = TracedCensus.Take(heap);
        using (GcScope scope = heap.Enter())
        {
            ref TracedStringRefDictionary<Node> dictionary = ref kept.Get(scope).Value;
            Assert.Equal((100L, -7L), (dictionary.Count, dictionary.Get(scope, scope.NewString("7")).Value.Value));
            Assert.True(dictionary.TryGetValue(scope, "8"u8, out GcRef<Node> node) && node.Value.Value == -8);
            Assert.True(dictionary.Remove(scope, scope.NewString("7")) && !dictionary.Remove(scope, scope.NewString("7")));
        }

        heap.CollectAndSweep();
        Assert.Equal((full.Small - 2, full.Large), TracedCensus.Take(heap));
    }

    internal static GcRef<Node> NewNode(in GcScope scope, long number)
    {
        GcRef<Node> node = scope.New<Node>();
        node.Value.Value = number;
        return node;
    }
}
