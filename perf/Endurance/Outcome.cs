using SpanHeap.Perf.Measurement;

namespace SpanHeap.Perf.Endurance;

/// <summary>What one run came to. Memory is resident memory above the start; null where the system does not say.</summary>
/// <param name="Seconds">The time of the work, without warm-up and idling.</param>
/// <param name="PeakBytes">The most there was.</param>
/// <param name="RestBytes">What was left at the end.</param>
/// <param name="Samples">What there was at equal distances.</param>
internal sealed record Outcome(double Seconds, long? PeakBytes, long? RestBytes, long[] Samples)
{
    /// <summary>Several runs as one: the median of what a run costs, the worst of what it leaves.</summary>
    public static Outcome Of(IReadOnlyList<Outcome> runs) => new(
        Averages.Median(runs.Select(run => run.Seconds)),
        runs.All(run => run.PeakBytes is not null) ? (long)Averages.Median(runs.Select(run => (double)run.PeakBytes!)) : null,
        runs.Max(run => run.RestBytes),
        [.. runs[0].Samples.Select((_, i) => runs.Max(run => run.Samples[i]))]);
}
