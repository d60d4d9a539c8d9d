using SpanHeap.Perf.Traced.Workers;
using SpanHeap.Traced;

namespace SpanHeap.Perf.Traced.Workloads;

/// <summary>The list of traced blocks: a scope for each batch, so that collections pass between.</summary>
internal sealed class SpanHeapList : IListMaker
{
    private readonly SpanHeapSession _session;

    // Disposed with its heap.
    private readonly TracedHandle<Node> _head;

    public SpanHeapList(SpanHeapSession session)
    {
        _session = session;
        using TracedScope scope = session.Enter();
        _head = scope.Keep(default(TracedRef<Node>));
    }

    public void Prepend(int first, int count)
    {
        using TracedScope scope = _session.Enter();
        TracedRef<Node> head = _head.Get(in scope);
        for (int i = 0; i < count; i++)
        {
            TracedRef<Node> node = scope.New<Node>();
            node.Value.Next.Set(in scope, head);
            node.Value.Number = first + i;
            head = node;
        }

        _head.Set(in scope, head);
    }

    public void Collect() => _session.Collect();

    public long Sum()
    {
        using TracedScope scope = _session.Enter();
        long sum = 0;
        for (TracedRef<Node> node = _head.Get(in scope); !node.IsNull; node = node.Value.Next.Get(in scope))
        {
            sum += node.Value.Number;
        }

        return sum;
    }

    private struct Node : ITraced<Node>
    {
        public Traced<Node> Next;
        public long Number;

        public static TracedLayout Layout { get; } = TracedLayout.OfFields(16, 0);
    }
}
