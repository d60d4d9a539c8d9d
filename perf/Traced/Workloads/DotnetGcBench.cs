namespace SpanHeap.Perf.Traced.Workloads;

/// <summary>The nodes as objects.</summary>
internal sealed class DotnetGcBench : IGcBench
{
    private Node? _tree;
    private double[]? _numbers;

    public void BuildDown(int depth) => Populate(depth, new Node());

    public void BuildUp(int depth) => Build(depth);

    public void KeepTree(int depth)
    {
        var root = new Node();
        Populate(depth, root);
        _tree = root;
    }

    public void KeepNumbers(int length)
    {
        _numbers = new double[length];
        for (int i = 0; i < length / 2; i++)
        {
            _numbers[i] = GcBench.NumberAt(i);
        }
    }

    public long CountKeptTree() => Count(_tree!);

    public double NumberAt(int index) => _numbers![index];

    private static void Populate(int depth, Node node)
    {
        if (depth == 0)
        {
            return;
        }

        node.Left = new Node();
        node.Right = new Node();
        Populate(depth - 1, node.Left);
        Populate(depth - 1, node.Right);
    }

    private static Node Build(int depth) => depth == 0 ? new Node() : new Node { Left = Build(depth - 1), Right = Build(depth - 1) };

    private static long Count(Node node) => node.Left is null ? 1 : 1 + Count(node.Left) + Count(node.Right!);

    private sealed class Node
    {
        public Node? Left;
        public Node? Right;
#pragma warning disable CS0649 // There for their size, as in the original.
        public int First;
        public int Second;
#pragma warning restore CS0649
    }
}
