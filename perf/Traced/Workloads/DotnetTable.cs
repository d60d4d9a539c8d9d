using SpanHeap.Perf.Measurement;

namespace SpanHeap.Perf.Traced.Workloads;

/// <summary>The numbers in a <see cref="Dictionary{TKey, TValue}"/>.</summary>
internal sealed class DotnetTable : INumberTable
{
    private readonly Dictionary<long, long> _table = [];

    public void Add(int first, int count, ulong scatter)
    {
        Dictionary<long, long> table = _table;
        for (int i = first; i < first + count; i++)
        {
            table.Add(DictionaryValues.KeyOf(i, scatter), i);
        }
    }

    public long SumAtRandom(int steps, int length, ulong scatter, ref SplitMix random)
    {
        Dictionary<long, long> table = _table;
        long sum = 0;
        for (int i = 0; i < steps; i++)
        {
            if (table.TryGetValue(DictionaryValues.KeyOf(random.Below(length), scatter), out long number))
            {
                sum += number;
            }
        }

        return sum;
    }
}
