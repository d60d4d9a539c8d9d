using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using SpanHeap.Perf.Measurement;
using SpanHeap.Perf.Traced.Workers;
using SpanHeap.Traced;

namespace SpanHeap.Perf.Traced.Workloads;

/// <summary>The graph of traced blocks: a scope for each batch, so that collections pass between.</summary>
internal sealed class SpanHeapGraph : IGraph
{
    private readonly SpanHeapSession _session;

    // Disposed with its heap.
    private readonly TracedHandle<TracedArray<Node>> _nodes;
    private long _serial;

    public SpanHeapGraph(SpanHeapSession session, int nodes)
    {
        _session = session;
        using TracedScope scope = session.Enter();
        _nodes = scope.Keep(scope.NewArray<Node>(nodes));
    }

    public void AddNodes(int first, int count)
    {
        using TracedScope scope = _session.Enter();
        ref TracedArray<Node> nodes = ref _nodes.Get(in scope).Value;
        for (int i = first; i < first + count; i++)
        {
            nodes[i].Set(in scope, NewNode(in scope));
        }
    }

    public void AddEdges(int first, int count, ref SplitMix random)
    {
        using TracedScope scope = _session.Enter();
        ref TracedArray<Node> nodes = ref _nodes.Get(in scope).Value;
        for (int i = first; i < first + count; i++)
        {
            Connect(in scope, ref nodes, nodes[i].Get(in scope), ref random);
        }
    }

    public void Change(int steps, ref SplitMix random)
    {
        using TracedScope scope = _session.Enter();
        ref TracedArray<Node> nodes = ref _nodes.Get(in scope).Value;
        for (int i = 0; i < steps; i++)
        {
            bool replaces = random.Below(GraphRewiring.StepsPerReplacement) == 0;
            ref Traced<Node> place = ref nodes[random.Below((int)nodes.Length)];
            TracedRef<Node> node = place.Get(in scope);
            if (replaces)
            {
                TracedRef<Node> fresh = NewNode(in scope);
                Connect(in scope, ref nodes, fresh, ref random);
                place.Set(in scope, fresh);
                Disconnect(in scope, node);
            }
            else
            {
                ref Traced<Node> edge = ref node.Value.Edge(random.Below(GraphRewiring.Edges));
                edge.Set(in scope, nodes[random.Below((int)nodes.Length)].Get(in scope));
            }
        }
    }

    public long Sum()
    {
        using TracedScope scope = _session.Enter();
        ref TracedArray<Node> nodes = ref _nodes.Get(in scope).Value;
        long sum = 0;
        for (int i = 0; i < nodes.Length; i++)
        {
            TracedRef<Node> node = nodes[i].Get(in scope);
            for (int edge = 0; edge < GraphRewiring.Edges; edge++)
            {
                sum += node.Value.Edge(edge).Get(in scope).Value.Serial;
            }
        }

        return sum;
    }

    private TracedRef<Node> NewNode(in TracedScope scope)
    {
        TracedRef<Node> node = scope.New<Node>();
        node.Value.Serial = ++_serial;
        return node;
    }

    private static void Connect(scoped in TracedScope scope, ref TracedArray<Node> nodes, TracedRef<Node> node, ref SplitMix random)
    {
        for (int edge = 0; edge < GraphRewiring.Edges; edge++)
        {
            node.Value.Edge(edge).Set(in scope, nodes[random.Below((int)nodes.Length)].Get(in scope));
        }
    }

    private static void Disconnect(scoped in TracedScope scope, TracedRef<Node> node)
    {
        for (int edge = 0; edge < GraphRewiring.Edges; edge++)
        {
            node.Value.Edge(edge).Set(in scope, default);
        }
    }

    // The edges are four fields: a type that has an inline array of references to itself cannot be loaded.
    private struct Node : ITraced<Node>
    {
        private Traced<Node> _first;
#pragma warning disable CS0169 // Read by their place after the first.
        private Traced<Node> _second;
        private Traced<Node> _third;
        private Traced<Node> _fourth;
#pragma warning restore CS0169
        public long Serial;

        public static TracedLayout Layout { get; } = TracedLayout.OfFields(40, 0, 8, 16, 24);

        [UnscopedRef]
        public ref Traced<Node> Edge(int number) => ref Unsafe.Add(ref _first, number);
    }
}
