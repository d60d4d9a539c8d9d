using SpanHeap.Perf.Traced.Workers;

namespace SpanHeap.Perf.Traced.Workloads;

/// <summary>The list of objects.</summary>
internal sealed class DotnetList : IListMaker
{
    private Node? _head;

    public void Prepend(int first, int count)
    {
        Node? head = _head;
        for (int i = 0; i < count; i++)
        {
            head = new Node { Next = head, Number = first + i };
        }

        _head = head;
    }

    public void Collect() => DotnetSession.Collect();

    public long Sum()
    {
        long sum = 0;
        for (Node? node = _head; node is not null; node = node.Next)
        {
            sum += node.Number;
        }

        return sum;
    }

    private sealed class Node
    {
        public Node? Next;
        public long Number;
    }
}
