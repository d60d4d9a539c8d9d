namespace SpanHeap.Perf.Traced.Workloads;

/// <summary>Trees of objects.</summary>
internal sealed class DotnetTrees : ITreeMaker
{
    private Node? _longLived;

    public long BuildAndCount(int depth) => Count(Build(depth));

    public void BuildLongLived(int depth) => _longLived = Build(depth);

    public long CountLongLived() => Count(_longLived!);

    private static Node Build(int depth) => depth == 0 ? new Node(null, null) : new Node(Build(depth - 1), Build(depth - 1));

    private static long Count(Node node) => node.Left is null ? 1 : 1 + Count(node.Left) + Count(node.Right!);

    private sealed class Node(Node? left, Node? right)
    {
        public readonly Node? Left = left;
        public readonly Node? Right = right;
    }
}
