using System.Runtime.CompilerServices;
using SpanHeap.Perf.Measurement;

namespace SpanHeap.Perf.Traced.Workloads;

/// <summary>The graph of objects.</summary>
internal sealed class DotnetGraph(int count) : IGraph
{
    private readonly Node[] _nodes = new Node[count];
    private long _serial;

    public void AddNodes(int first, int count)
    {
        for (int i = first; i < first + count; i++)
        {
            _nodes[i] = new Node(++_serial);
        }
    }

    public void AddEdges(int first, int count, ref SplitMix random)
    {
        for (int i = first; i < first + count; i++)
        {
            Connect(_nodes[i], ref random);
        }
    }

    public void Change(int steps, ref SplitMix random)
    {
        for (int i = 0; i < steps; i++)
        {
            bool replaces = random.Below(GraphRewiring.StepsPerReplacement) == 0;
            ref Node place = ref _nodes[random.Below(_nodes.Length)];
            Node node = place;
            if (replaces)
            {
                var fresh = new Node(++_serial);
                Connect(fresh, ref random);
                place = fresh;
                Disconnect(node);
            }
            else
            {
                ref Node? edge = ref node.Edge(random.Below(GraphRewiring.Edges));
                edge = _nodes[random.Below(_nodes.Length)];
            }
        }
    }

    public long Sum()
    {
        long sum = 0;
        foreach (Node node in _nodes)
        {
            for (int edge = 0; edge < GraphRewiring.Edges; edge++)
            {
                sum += node.Edge(edge)!.Serial;
            }
        }

        return sum;
    }

    private void Connect(Node node, ref SplitMix random)
    {
        for (int edge = 0; edge < GraphRewiring.Edges; edge++)
        {
            node.Edge(edge) = _nodes[random.Below(_nodes.Length)];
        }
    }

    private static void Disconnect(Node node)
    {
        for (int edge = 0; edge < GraphRewiring.Edges; edge++)
        {
            node.Edge(edge) = null;
        }
    }

    private sealed class Node(long serial)
    {
        public readonly long Serial = serial;
        private EdgeList _edges;

        // As unchecked as where the nodes are traced blocks.
        public ref Node? Edge(int number) => ref Unsafe.Add(ref Unsafe.As<EdgeList, Node?>(ref _edges), number);
    }

    [InlineArray(GraphRewiring.Edges)]
    private struct EdgeList
    {
        private Node? _first;
    }
}
