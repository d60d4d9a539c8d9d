using SpanHeap.Perf.Allocators;

namespace SpanHeap.Perf.Compare;

/// <summary>A workload that can be stated for managed arrays as well.</summary>
internal interface IArrayWorkload
{
    /// <summary>The pass of <see cref="Workload.Run{T}"/> with arrays: same sizes, same order, same accesses.</summary>
    void RunArrays<T>() where T : struct, IArraySource;
}
