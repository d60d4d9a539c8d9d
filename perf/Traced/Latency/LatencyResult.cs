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

    public int Slow(SlowCause cause) => Run.Slow.Count(operation => operation.Cause == cause);

    /// <summary>The longest operation that the system did not preempt, in milliseconds; 0 when all are below the threshold.</summary>
    public double LongestMs => Run.Slow.Where(operation => operation.Cause != SlowCause.Preempted).Select(operation => operation.Ms).DefaultIfEmpty().Max();

    public double LongestPauseMs => Run.Pauses.Select(pause => pause.Ms).DefaultIfEmpty().Max();
}
