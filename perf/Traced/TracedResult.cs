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

    /// <summary>How long .NET's own collector kept the program out, whatever memory it used; null where that says nothing.</summary>
    public double? DotnetPaused => Runs.Any(run => run.DotnetPausedMs is null) ? null : Median(run => run.DotnetPausedMs!.Value);

    /// <summary>The longest of those pauses.</summary>
    public double? DotnetLongestPause => Runs.Any(run => run.DotnetLongestPauseMs is null) ? null : Median(run => run.DotnetLongestPauseMs!.Value);

    public double? PauseMax => MedianOfPauses(pauses => pauses.Max());

    public double? PauseTotal => MedianOfPauses(pauses => pauses.Sum());

    /// <summary>The longest but one in a thousand; the longest where there are fewer.</summary>
    public double? PauseP999 => MedianOfPauses(pauses => Percentile(pauses, 0.999));

    public long? PeakBytes => Runs.Any(run => run.PeakBytes is null) ? null : (long)Median(run => run.PeakBytes!.Value);

    /// <summary>Milliseconds of the program's parts; none where it does not time them.</summary>
    public Dictionary<string, double> Parts =>
        (Runs[0].PartsMs ?? []).Keys.ToDictionary(part => part, part => Median(run => run.PartsMs![part]));

    private double Median(Func<TracedRun, double> figure) => Averages.Median(Runs.Select(figure));

    private double? MedianOfPauses(Func<double[], double> figure) =>
        Runs.Any(run => run.PausesMs is null or []) ? null : Median(run => figure(run.PausesMs!));

    private static double Percentile(double[] values, double part) => values.Order().ElementAt((int)Math.Ceiling(part * values.Length) - 1);
}
