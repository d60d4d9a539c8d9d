namespace SpanHeap.Perf.Traced.Latency;

/// <summary>What a process found.</summary>
/// <param name="Seconds">How long operations were timed.</param>
/// <param name="Counts">Of a <see cref="LatencyHistogram"/> of all threads.</param>
/// <param name="Slow">The first operations above the threshold.</param>
/// <param name="Causes">The number of all operations above the threshold by <see cref="SlowCause"/>.</param>
/// <param name="LongestMs">The longest operation above the threshold that was not preempted, in milliseconds; 0 without any.</param>
/// <param name="Pauses">When the collector kept all threads out.</param>
/// <param name="PeakBytes">Resident at most, above what it was before the caches were filled.</param>
/// <param name="CpuSeconds">User and system time of the process while operations were timed.</param>
internal sealed record LatencyRun(
    double Seconds, Dictionary<int, long> Counts, SlowOperation[] Slow, int[] Causes, double LongestMs, CollectorPause[] Pauses, long? PeakBytes, double CpuSeconds);
