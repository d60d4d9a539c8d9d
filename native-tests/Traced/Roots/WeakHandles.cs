using SpanHeap.Traced;

namespace SpanHeap.Tests.Traced.Roots;

/// <summary>Makes weak handles of nodes, and looks into them.</summary>
internal static class WeakHandles
{
    public static (TracedHandle<Node> Kept, TracedWeakHandle<Node> Weak) MakePair(TracedHeap heap, long value)
    {
        using TracedScope scope = heap.Enter();
        TracedRef<Node> node = scope.New<Node>();
        node.Value.Value = value;
        return (scope.Keep(node), scope.KeepWeak(node));
    }

    /// <summary>One whose node nothing keeps.</summary>
    public static TracedWeakHandle<Node> Make(TracedHeap heap, long value)
    {
        (TracedHandle<Node> kept, TracedWeakHandle<Node> weak) = MakePair(heap, value);
        kept.Dispose();
        return weak;
    }

    /// <summary>Whether the node is gone.</summary>
    public static bool IsNothing(TracedHeap heap, TracedWeakHandle<Node> weak) => ValueOf(heap, weak) == null;

    /// <summary>The node's value; null when it is gone.</summary>
    public static long? ValueOf(TracedHeap heap, TracedWeakHandle<Node> weak)
    {
        using TracedScope scope = heap.Enter();
        return weak.TryGet(scope, out TracedRef<Node> node) ? node.Value.Value : null;
    }
}
