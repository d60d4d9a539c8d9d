using SpanHeap.Perf.Allocators;
using SpanHeap.Perf.Measurement;

namespace SpanHeap.Perf.CBaseline;

/// <summary>What one allocator took in one workload.</summary>
internal sealed record BaselineResult(BaselineWorkload Workload, AllocatorEntry Allocator, bool InC)
{
    public List<double> Rounds { get; } = [];

    public double Median => Averages.Median(Rounds);

    public string Name => Allocator.Name + (InC ? " (C)" : " (C#)");
}
