using SpanHeap.Perf.Allocators;
using SpanHeap.Perf.Measurement;

namespace SpanHeap.Perf.Replay;

/// <summary>All that was measured of one allocator on one trace.</summary>
internal sealed class ReplayResult(TraceSummary trace, AllocatorEntry allocator)
{
    public TraceSummary Trace { get; } = trace;

    public AllocatorEntry Allocator { get; } = allocator;

    public List<double> WarmRounds { get; } = [];

    public List<double> ColdRounds { get; } = [];

    public PeakMemory Peak { get; set; } = new(null, null);

    public double Warm => Averages.Median(WarmRounds);

    public double Cold => Averages.Median(ColdRounds);

    public int ColdOperations => Math.Min(Trace.RecordedOperations, ColdWorker.MaxOperations);
}
