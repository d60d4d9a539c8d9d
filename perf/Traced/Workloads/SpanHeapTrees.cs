using SpanHeap.Perf.Traced.Workers;

namespace SpanHeap.Perf.Traced.Workloads;

/// <summary>Trees of traced blocks: a scope for each tree, so that collections pass between.</summary>
internal sealed class SpanHeapTrees(SpanHeapSession session) : ITreeMaker
{
    // Disposed with its heap.
    private GcHandle<Node> _longLived;

    public long BuildAndCount(int depth)
    {
        using GcScope scope = session.Enter();
        return Count(in scope, Build(in scope, depth));
    }

    public void BuildLongLived(int depth)
    {
        using GcScope scope = session.Enter();
        _longLived = scope.Keep(Build(in scope, depth));
    }

    public long CountLongLived()
    {
        using GcScope scope = session.Enter();
        return Count(in scope, _longLived.Get(in scope));
    }

    private static GcRef<Node> Build(in GcScope scope, int depth)
    {
        if (depth == 0)
            return scope.New<Node>();
        GcRef<Node> left = Build(in scope, depth - 1);
        GcRef<Node> right = Build(in scope, depth - 1);
        GcRef<Node> node = scope.New<Node>();
        node.Value.Left.Set(in scope, left);
        node.Value.Right.Set(in scope, right);
        return node;
    }

    private static long Count(scoped in GcScope scope, GcRef<Node> node)
    {
        GcRef<Node> left = node.Value.Left.Get(in scope);
        return left.IsNull ? 1 : 1 + Count(in scope, left) + Count(in scope, node.Value.Right.Get(in scope));
    }

    private struct Node : ITraced<Node>
    {
        public Gc<Node> Left;
        public Gc<Node> Right;

        public static TracedLayout Layout { get; } = TracedLayout.OfFields(16, 0, 8);
    }
}
