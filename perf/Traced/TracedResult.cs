using SpanHeap.Perf.Measurement;
using SpanHeap.Perf.Traced.Workers;
using SpanHeap.Perf.Traced.Workloads;

namespace SpanHeap.Perf.Traced;

/// <summary>A program with one memory manager: its runs, and the medians of what they took.</summary>
internal sealed class TracedResult(TracedWorkload workload, TracedAllocator allocator)
{
    public TracedWorkload Workload { get; } = workload;

    public TracedAllocator Allocator { get; } = allocator;

    public List<TracedRun> Runs { get; } = [];

    public double WallSeconds => Median(run => run.WallSeconds);

    public double CpuSeconds => Median(run => run.CpuSeconds);

    public double Collections => Median(run => run.Collections);

    public double? PauseMax => MedianOfPauses(1);

    /// <summary>The longest but one in a thousand; the longest where there are fewer.</summary>
    public double? PauseP999 => MedianOfPauses(0.999);

    public long? PeakBytes => Runs.Any(run => run.PeakBytes is null) ? null : (long)Median(run => run.PeakBytes!.Value);

    private double Median(Func<TracedRun, double> figure) => Averages.Median(Runs.Select(figure));

    private double? MedianOfPauses(double part) =>
        Runs.Any(run => run.PausesMs is null or []) ? null : Median(run => Percentile(run.PausesMs!, part));

    private static double Percentile(double[] values, double part) => values.Order().ElementAt((int)Math.Ceiling(part * values.Length) - 1);
}
