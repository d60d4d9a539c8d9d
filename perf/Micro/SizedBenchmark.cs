using BenchmarkDotNet.Attributes;

namespace SpanHeap.Perf.Micro;

/// <summary>A benchmark over sizes from 16 B to 1 MiB.</summary>
public abstract class SizedBenchmark : AllocatorBenchmark
{
    [Params(16, 32, 64, 256, 1024, 4096, 16 << 10, 64 << 10, 256 << 10, 1 << 20)]
    public int Size { get; set; }
}
