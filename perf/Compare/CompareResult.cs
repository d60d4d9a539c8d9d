using SpanHeap.Perf.Allocators;
using SpanHeap.Perf.Measurement;

namespace SpanHeap.Perf.Compare;

/// <summary>All that was measured of one allocator with one workload.</summary>
internal sealed class CompareResult(AllocatorEntry allocator)
{
    public AllocatorEntry Allocator { get; } = allocator;

    public List<double> WarmRounds { get; } = [];

    public List<double> ColdRounds { get; } = [];

    public long? PeakBytes { get; set; }

    public long? IdleBytes { get; set; }

    /// <summary>Why there are no figures, or not all.</summary>
    public string? Failure { get; set; }

    public double? Warm => WarmRounds.Count > 0 ? Averages.Median(WarmRounds) : null;

    public double? Cold => ColdRounds.Count > 0 ? Averages.Median(ColdRounds) : null;
}
