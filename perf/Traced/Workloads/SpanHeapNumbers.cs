using SpanHeap.Perf.Measurement;
using SpanHeap.Perf.Traced.Workers;
using SpanHeap.Traced;

namespace SpanHeap.Perf.Traced.Workloads;

/// <summary>The numbers in a <see cref="TracedList{T}"/>: a scope for each batch, so that collections pass between.</summary>
internal sealed class SpanHeapNumbers : INumberList
{
    private readonly SpanHeapSession _session;

    // Disposed with its heap.
    private readonly TracedHandle<TracedList<long>> _list;

    public SpanHeapNumbers(SpanHeapSession session)
    {
        _session = session;
        using TracedScope scope = session.Enter();
        _list = scope.Keep(scope.New<TracedList<long>>());
    }

    public void Append(int first, int count)
    {
        using TracedScope scope = _session.Enter();
        ref TracedList<long> list = ref _list.Get(in scope).Value;
        for (int i = 0; i < count; i++)
        {
            list.Add(in scope, first + i);
        }
    }

    public long SumAtRandom(int steps, int length, ref SplitMix random)
    {
        using TracedScope scope = _session.Enter();
        ref TracedList<long> list = ref _list.Get(in scope).Value;
        long sum = 0;
        for (int i = 0; i < steps; i++)
        {
            sum += list[random.Below(length)];
        }

        return sum;
    }

    public long SumInOrder(int first, int count)
    {
        using TracedScope scope = _session.Enter();
        ref TracedList<long> list = ref _list.Get(in scope).Value;
        long sum = 0;
        for (int i = 0; i < count; i++)
        {
            sum += list[first + i];
        }

        return sum;
    }

    public long Sum()
    {
        using TracedScope scope = _session.Enter();
        long sum = 0;
        foreach (long number in _list.Get(in scope).Value)
        {
            sum += number;
        }

        return sum;
    }
}
