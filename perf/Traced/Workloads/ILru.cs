using SpanHeap.Perf.Measurement;

namespace SpanHeap.Perf.Traced.Workloads;

/// <summary>The entries of <see cref="LruCache"/>.</summary>
internal interface ILru
{
    /// <summary>Looks for random keys. A key that is found moves to the front, and one that is not pushes the last entry out.</summary>
    /// <returns>How many were found.</returns>
    long LookUp(int steps, int keys, ref SplitMix random);

    /// <summary>How many entries in the list have the value that was put in for their key.</summary>
    long CountGood();
}
