using SpanHeap.Perf.Measurement;

namespace SpanHeap.Perf.Traced.Workloads;

/// <summary>Numbers by keys, in a dictionary of the library's. Which key a number has, <see cref="DictionaryValues.KeyOf"/> says.</summary>
internal interface INumberTable
{
    /// <summary>Adds the given number of numbers, counting on from the first.</summary>
    void Add(int first, int count, ulong scatter);

    /// <summary>Looks for the keys of random numbers, of which every second is there.</summary>
    /// <returns>The sum of the numbers that were found.</returns>
    long SumAtRandom(int steps, int length, ulong scatter, ref SplitMix random);
}
