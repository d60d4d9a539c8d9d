using BenchmarkDotNet.Attributes;
using SpanHeap.Perf.Allocators;

namespace SpanHeap.Perf.Micro;

/// <summary>The same loop for the three ways to get native memory. Times are per operation of the loop.</summary>
public abstract class AllocatorBenchmark
{
    /// <summary>How often the loop does its operation.</summary>
    protected const int Operations = 1000;

    [Benchmark(Baseline = true, OperationsPerInvoke = Operations)]
    public void NativeMemory() => Loop<SystemAllocator>();

    [Benchmark(OperationsPerInvoke = Operations)]
    public void SpanMemory() => Loop<SpanHeapAllocator>();

    [Benchmark(OperationsPerInvoke = Operations)]
    public void LocalHeap() => Loop<SpanHeapLocalAllocator>();

    private protected abstract void Loop<T>() where T : struct, IAllocator<T>, allows ref struct;
}
