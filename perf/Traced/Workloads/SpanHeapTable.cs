using SpanHeap.Perf.Measurement;
using SpanHeap.Perf.Traced.Workers;
using SpanHeap.Traced;

namespace SpanHeap.Perf.Traced.Workloads;

/// <summary>The numbers in a <see cref="TracedDictionary{TKey, TValue}"/>: a scope for each batch, so that collections pass between.</summary>
internal sealed class SpanHeapTable : INumberTable
{
    private readonly SpanHeapSession _session;

    // Disposed with its heap.
    private readonly TracedHandle<TracedDictionary<long, long>> _table;

    public SpanHeapTable(SpanHeapSession session)
    {
        _session = session;
        using TracedScope scope = session.Enter();
        _table = scope.Keep(scope.New<TracedDictionary<long, long>>());
    }

    public void Add(int first, int count, ulong scatter)
    {
        using TracedScope scope = _session.Enter();
        ref TracedDictionary<long, long> table = ref _table.Get(in scope).Value;
        for (int i = first; i < first + count; i++)
        {
            table.Add(in scope, DictionaryValues.KeyOf(i, scatter), i);
        }
    }

    public long SumAtRandom(int steps, int length, ulong scatter, ref SplitMix random)
    {
        using TracedScope scope = _session.Enter();
        ref TracedDictionary<long, long> table = ref _table.Get(in scope).Value;
        long sum = 0;
        for (int i = 0; i < steps; i++)
        {
            if (table.TryGetValue(in scope, DictionaryValues.KeyOf(random.Below(length), scatter), out long number))
            {
                sum += number;
            }
        }

        return sum;
    }
}
