namespace SpanHeap.Tests.Tracing;

/// <summary>Makes weak handles of nodes, and looks into them.</summary>
internal static class WeakHandles
{
    public static (GcHandle<Node> Kept, GcWeakHandle<Node> Weak) MakePair(NativeHeap heap, long value)
    {
        using GcScope scope = heap.Enter();
        GcRef<Node> node = scope.New<Node>();
        node.Value.Value = value;
        return (scope.Keep(node), scope.KeepWeak(node));
    }

    /// <summary>One whose node nothing keeps.</summary>
    public static GcWeakHandle<Node> Make(NativeHeap heap, long value)
    {
        (GcHandle<Node> kept, GcWeakHandle<Node> weak) = MakePair(heap, value);
        kept.Dispose();
        return weak;
    }

    /// <summary>The node's value; null when it is gone.</summary>
    public static long? ValueOf(NativeHeap heap, GcWeakHandle<Node> weak)
    {
        using GcScope scope = heap.Enter();
        return weak.TryGet(scope, out GcRef<Node> node) ? node.Value.Value : null;
    }
}
