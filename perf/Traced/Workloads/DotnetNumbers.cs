using SpanHeap.Perf.Measurement;

namespace SpanHeap.Perf.Traced.Workloads;

/// <summary>The numbers in a <see cref="List{T}"/>.</summary>
internal sealed class DotnetNumbers : INumberList
{
    private readonly List<long> _list = [];

    public void Append(int first, int count)
    {
        List<long> list = _list;
        for (int i = 0; i < count; i++)
        {
            list.Add(first + i);
        }
    }

    public long SumAtRandom(int steps, int length, ref SplitMix random)
    {
        List<long> list = _list;
        long sum = 0;
        for (int i = 0; i < steps; i++)
        {
            sum += list[random.Below(length)];
        }

        return sum;
    }

    public long SumInOrder(int first, int count)
    {
        List<long> list = _list;
        long sum = 0;
        for (int i = 0; i < count; i++)
        {
            sum += list[first + i];
        }

        return sum;
    }

    public long Sum()
    {
        long sum = 0;
        foreach (long number in _list)
        {
            sum += number;
        }

        return sum;
    }
}
