using SpanHeap.Perf.Traced.Workers;
using SpanHeap.Traced;

namespace SpanHeap.Perf.Traced.Workloads;

/// <summary>Trees of traced blocks: a scope for each tree, so that collections pass between.</summary>
internal sealed class SpanHeapTrees(SpanHeapSession session) : ITreeMaker
{
    // Disposed with its heap.
    private TracedHandle<Node> _longLived;

    public long BuildAndCount(int depth)
    {
        using TracedScope scope = session.Enter();
        return Count(in scope, Build(in scope, depth));
    }

    public void BuildLongLived(int depth)
    {
        using TracedScope scope = session.Enter();
        _longLived = scope.Keep(Build(in scope, depth));
    }

    public long CountLongLived()
    {
        using TracedScope scope = session.Enter();
        return Count(in scope, _longLived.Get(in scope));
    }

    private static TracedRef<Node> Build(in TracedScope scope, int depth)
    {
        if (depth == 0)
        {
            return scope.New<Node>();
        }

        TracedRef<Node> left = Build(in scope, depth - 1);
        TracedRef<Node> right = Build(in scope, depth - 1);
        TracedRef<Node> node = scope.New<Node>();
        node.Value.Left.Set(in scope, left);
        node.Value.Right.Set(in scope, right);
        return node;
    }

    private static long Count(scoped in TracedScope scope, TracedRef<Node> node)
    {
        TracedRef<Node> left = node.Value.Left.Get(in scope);
        return left.IsNull ? 1 : 1 + Count(in scope, left) + Count(in scope, node.Value.Right.Get(in scope));
    }

    private struct Node : ITraced<Node>
    {
        public Traced<Node> Left;
        public Traced<Node> Right;

        public static TracedLayout Layout { get; } = TracedLayout.OfFields(16, 0, 8);
    }
}
