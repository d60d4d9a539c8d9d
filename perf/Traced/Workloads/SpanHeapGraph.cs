using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using SpanHeap.Perf.Traced.Workers;

namespace SpanHeap.Perf.Traced.Workloads;

/// <summary>The graph of traced blocks: a scope for each batch, so that collections pass between.</summary>
internal sealed class SpanHeapGraph : IGraph
{
    private readonly SpanHeapSession _session;

    // Disposed with its heap.
    private readonly GcHandle<TracedArray<Node>> _nodes;
    private long _serial;

    public SpanHeapGraph(SpanHeapSession session, int nodes)
    {
        _session = session;
        using GcScope scope = session.Enter();
        _nodes = scope.Keep(scope.NewArray<Node>(nodes));
    }

    public void AddNodes(int first, int count)
    {
        using GcScope scope = _session.Enter();
        ref TracedArray<Node> nodes = ref _nodes.Get(in scope).Value;
        for (int i = first; i < first + count; i++)
            nodes[i].Set(in scope, NewNode(in scope));
    }

    public void AddEdges(int first, int count, ref Draw draw)
    {
        using GcScope scope = _session.Enter();
        ref TracedArray<Node> nodes = ref _nodes.Get(in scope).Value;
        for (int i = first; i < first + count; i++)
            Connect(in scope, ref nodes, nodes[i].Get(in scope), ref draw);
    }

    public void Change(int steps, ref Draw draw)
    {
        using GcScope scope = _session.Enter();
        ref TracedArray<Node> nodes = ref _nodes.Get(in scope).Value;
        for (int i = 0; i < steps; i++)
        {
            bool replaces = draw.Below(GraphRewiring.StepsPerReplacement) == 0;
            ref Gc<Node> place = ref nodes[draw.Below((int)nodes.Length)];
            GcRef<Node> node = place.Get(in scope);
            if (replaces)
            {
                GcRef<Node> fresh = NewNode(in scope);
                Connect(in scope, ref nodes, fresh, ref draw);
                place.Set(in scope, fresh);
                Disconnect(in scope, node);
            }
            else
            {
                ref Gc<Node> edge = ref node.Value.Edge(draw.Below(GraphRewiring.Edges));
                edge.Set(in scope, nodes[draw.Below((int)nodes.Length)].Get(in scope));
            }
        }
    }

    public long Sum()
    {
        using GcScope scope = _session.Enter();
        ref TracedArray<Node> nodes = ref _nodes.Get(in scope).Value;
        long sum = 0;
        for (int i = 0; i < nodes.Length; i++)
        {
            GcRef<Node> node = nodes[i].Get(in scope);
            for (int edge = 0; edge < GraphRewiring.Edges; edge++)
                sum += node.Value.Edge(edge).Get(in scope).Value.Serial;
        }

        return sum;
    }

    private GcRef<Node> NewNode(in GcScope scope)
    {
        GcRef<Node> node = scope.New<Node>();
        node.Value.Serial = ++_serial;
        return node;
    }

    private static void Connect(scoped in GcScope scope, ref TracedArray<Node> nodes, GcRef<Node> node, ref Draw draw)
    {
        for (int edge = 0; edge < GraphRewiring.Edges; edge++)
            node.Value.Edge(edge).Set(in scope, nodes[draw.Below((int)nodes.Length)].Get(in scope));
    }

    private static void Disconnect(scoped in GcScope scope, GcRef<Node> node)
    {
        for (int edge = 0; edge < GraphRewiring.Edges; edge++)
            node.Value.Edge(edge).Set(in scope, default);
    }

    // The edges are four fields: a type that has an inline array of references to itself cannot be loaded.
    private struct Node : ITraced<Node>
    {
        private Gc<Node> _first;
#pragma warning disable CS0169 // Read by their place behind the first.
        private Gc<Node> _second;
        private Gc<Node> _third;
        private Gc<Node> _fourth;
#pragma warning restore CS0169
        public long Serial;

        public static TracedLayout Layout { get; } = TracedLayout.OfFields(40, 0, 8, 16, 24);

        [UnscopedRef]
        public ref Gc<Node> Edge(int number) => ref Unsafe.Add(ref _first, number);
    }
}
