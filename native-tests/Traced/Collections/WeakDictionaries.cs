using SpanHeap.Traced;

namespace SpanHeap.Tests.Traced.Collections;

/// <summary>Makes dictionaries with weak keys, and what is in them.</summary>
internal static class WeakDictionaries
{
    public static TracedHandle<TracedWeakDictionary<Node, Node>> Make(TracedHeap heap)
    {
        using TracedScope scope = heap.Enter();
        return scope.Keep(scope.New<TracedWeakDictionary<Node, Node>>());
    }

    public static TracedRef<Node> NewNode(in TracedScope scope, long value)
    {
        TracedRef<Node> node = scope.New<Node>();
        node.Value.Value = value;
        return node;
    }

    public static long CountOf(TracedHeap heap, TracedHandle<TracedWeakDictionary<Node, Node>> dictionary)
    {
        using TracedScope scope = heap.Enter();
        return dictionary.Get(scope).Value.Count;
    }

    /// <summary>
    /// Adds keys in adverse order to two dictionaries in turn: the value of each refers to the one that was added before, so that each is found only after the
    /// one that was added after it.
    /// </summary>
    /// <returns>The first key of the chain.</returns>
    public static TracedRef<Node> AddChain(
        in TracedScope scope, scoped TracedRef<TracedWeakDictionary<Node, Node>> even, scoped TracedRef<TracedWeakDictionary<Node, Node>> odd, int length)
    {
        TracedRef<Node> next = scope.Null<Node>();
        for (int i = 0; i < length; i++)
        {
            TracedRef<Node> key = scope.New<Node>();
            TracedRef<Node> value = scope.New<Node>();
            value.Value.Left.Set(scope, next);
            (i % 2 == 0 ? even : odd).Value.Add(scope, key, value);
            next = key;
        }

        return next;
    }

    /// <summary>Adds a key that is known.</summary>
    public static ArgumentException AddAgain(in TracedScope scope, TracedHandle<TracedWeakDictionary<Node, Node>> dictionary, TracedRef<Node> key)
    {
        try
        {
            dictionary.Get(scope).Value.Add(scope, key, default);
        }
        catch (ArgumentException refusal)
        {
            return refusal;
        }

        throw new Xunit.Sdk.XunitException("The key was added twice.");
    }
}
