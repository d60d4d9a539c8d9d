namespace SpanHeap.Perf.Traced.Latency;

/// <summary>What a contender's process found, and the figures that follow from it.</summary>
internal sealed class LatencyResult(LatencyContender contender, LatencyRun run)
{
    private readonly LatencyHistogram _histogram = new(run.Counts);

    public LatencyContender Contender { get; } = contender;

    public LatencyRun Run { get; } = run;

    public long Operations => _histogram.Count;

    /// <summary>Gets the time, in microseconds, that a part of the operations did not exceed.</summary>
    public double Microseconds(double part) => _histogram.Percentile(part) / 1000.0;

    public int Slow(SlowCause cause) => Run.Causes[(int)cause];

    public double LongestPauseMs => Run.Pauses.Select(pause => pause.Ms).DefaultIfEmpty().Max();
}
