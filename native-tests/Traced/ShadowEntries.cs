using SpanHeap.Traced;

namespace SpanHeap.Tests.Traced;

/// <summary>A dictionary with weak keys that are blocks of a graph, and what should be in it. One thread at a time.</summary>
internal sealed class ShadowEntries
{
    // So few that the entries lie in one array.
    private const int Most = 2000;

    // By the number of the key. Entries of keys that have died are forgotten when it is known that they have.
    private readonly Dictionary<long, (ShadowNode Key, ShadowNode? Value)> _entries = [];
    private readonly TracedHandle<TracedWeakDictionary<Node, Node>> _dictionary;

    public ShadowEntries(TracedHeap heap)
    {
        using TracedScope scope = heap.Enter();
        _dictionary = scope.Keep(scope.New<TracedWeakDictionary<Node, Node>>());

        // An array of entries and one of buckets.
        _dictionary.Get(scope).Value.EnsureCapacity(scope, 1);
        Blocks = 3;
    }

    /// <summary>The number of blocks that the dictionary consists of.</summary>
    public int Blocks { get; private set; }

    /// <summary>Gives a key a value, or another one.</summary>
    public void Set(in TracedScope scope, TracedRef<Node> key, ShadowNode shadow, TracedRef<Node> value, ShadowNode? shadowOfValue)
    {
        if (_entries.Count < Most || _entries.ContainsKey(shadow.Value))
        {
            _dictionary.Get(scope).Value.Set(scope, key, value);
            _entries[shadow.Value] = (shadow, shadowOfValue);
        }
    }

    public void Remove(in TracedScope scope, TracedRef<Node> key, ShadowNode shadow) =>
        Assert.Equal(_entries.Remove(shadow.Value), _dictionary.Get(scope).Value.Remove(scope, key));

    /// <summary>Gets what the value of a key refers to.</summary>
    public TracedRef<Node> Get(in TracedScope scope, TracedRef<Node> key, ShadowNode shadow, out ShadowNode? shadowOfValue)
    {
        bool known = _entries.TryGetValue(shadow.Value, out (ShadowNode Key, ShadowNode? Value) entry);
        Assert.Equal(known, _dictionary.Get(scope).Value.TryGetValue(scope, key, out TracedRef<Node> value));
        shadowOfValue = entry.Value;
        return value;
    }

    /// <summary>Gets the key of one of the first entries, which perhaps nothing else refers to.</summary>
    public TracedRef<Node> Enumerate(in TracedScope scope, int number, out ShadowNode? shadow)
    {
        foreach (TracedWeakEntry<Node, Node> entry in _dictionary.Get(scope).Value)
        {
            if (number-- == 0)
            {
                TracedRef<Node> key = entry.GetKey(scope);
                shadow = _entries[key.Value.Value].Key;
                return key;
            }
        }

        shadow = null;
        return default;
    }

    /// <summary>Forgets all entries but those of keys that live, which must be all that the dictionary has.</summary>
    public void Forget(in TracedScope scope, Func<ShadowNode, bool> isAlive)
    {
        foreach ((long number, (ShadowNode key, _)) in _entries)
        {
            if (!isAlive(key))
            {
                _entries.Remove(number);
            }
        }

        Assert.Equal(_entries.Count, _dictionary.Get(scope).Value.Count);
    }

    public void Drop()
    {
        _dictionary.Dispose();
        _entries.Clear();
        Blocks = 0;
    }
}
