using SpanHeap.Perf.Traced.Workers;

namespace SpanHeap.Perf.Traced.Workloads;

/// <summary>The numbers in a <see cref="TracedList{T}"/>: a scope for each batch, so that collections pass between.</summary>
internal sealed class SpanHeapNumbers : INumberList
{
    private readonly SpanHeapSession _session;

    // Disposed with its heap.
    private readonly GcHandle<TracedList<long>> _list;

    public SpanHeapNumbers(SpanHeapSession session)
    {
        _session = session;
        using GcScope scope = session.Enter();
        _list = scope.Keep(scope.New<TracedList<long>>());
    }

    public void Append(int first, int count)
    {
        using GcScope scope = _session.Enter();
        ref TracedList<long> list = ref _list.Get(in scope).Value;
        for (int i = 0; i < count; i++)
            list.Add(in scope, first + i);
    }

    public long SumDrawn(int steps, int length, ref Draw draw)
    {
        using GcScope scope = _session.Enter();
        ref TracedList<long> list = ref _list.Get(in scope).Value;
        long sum = 0;
        for (int i = 0; i < steps; i++)
            sum += list[draw.Below(length)];
        return sum;
    }

    public long SumInOrder(int first, int count)
    {
        using GcScope scope = _session.Enter();
        ref TracedList<long> list = ref _list.Get(in scope).Value;
        long sum = 0;
        for (int i = 0; i < count; i++)
            sum += list[first + i];
        return sum;
    }

    public long Sum()
    {
        using GcScope scope = _session.Enter();
        long sum = 0;
        foreach (long number in _list.Get(in scope).Value)
            sum += number;
        return sum;
    }
}
