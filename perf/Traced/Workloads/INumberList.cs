using SpanHeap.Perf.Measurement;

namespace SpanHeap.Perf.Traced.Workloads;

/// <summary>A list of numbers that grows at its end, as a collection of the library's.</summary>
internal interface INumberList
{
    /// <summary>Adds the given number of numbers, counting on from the first.</summary>
    void Append(int first, int count);

    /// <summary>Sums up numbers at random places among the first <paramref name="length"/>.</summary>
    long SumAtRandom(int steps, int length, ref SplitMix random);

    /// <summary>Sums up the given number of numbers from a place on, by their places.</summary>
    long SumInOrder(int first, int count);

    /// <summary>The sum of all, by an enumeration.</summary>
    long Sum();
}
