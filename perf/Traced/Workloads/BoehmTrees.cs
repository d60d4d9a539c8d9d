using SpanHeap.Perf.Traced.Workers;

namespace SpanHeap.Perf.Traced.Workloads;

/// <summary>Trees of blocks of the Boehm collector, which finds the roots on the stack by itself.</summary>
internal sealed unsafe class BoehmTrees(BoehmSession session) : ITreeMaker
{
    public long BuildAndCount(int depth)
    {
        long nodes = Count(Build(depth));
        session.Look();
        return nodes;
    }

    // An object of .NET is not looked into: what is kept must be in memory of the collector's.
    public void BuildLongLived(int depth)
    {
        *session.Root = (nint)Build(depth);
        session.Look();
    }

    public long CountLongLived() => Count((Node*)*session.Root);

    private static Node* Build(int depth)
    {
        if (depth == 0)
        {
            return (Node*)BoehmSession.Alloc((nuint)sizeof(Node));
        }

        Node* left = Build(depth - 1);
        Node* right = Build(depth - 1);
        var node = (Node*)BoehmSession.Alloc((nuint)sizeof(Node));
        node->Left = left;
        node->Right = right;
        return node;
    }

    private static long Count(Node* node) => node->Left == null ? 1 : 1 + Count(node->Left) + Count(node->Right);

    private struct Node
    {
        public Node* Left;
        public Node* Right;
    }
}
