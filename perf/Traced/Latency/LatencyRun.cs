namespace SpanHeap.Perf.Traced.Latency;

/// <summary>What a process found.</summary>
/// <param name="Seconds">How long operations were timed.</param>
/// <param name="Counts">Of a <see cref="LatencyHistogram"/> of all threads.</param>
/// <param name="Slow">The operations above the threshold.</param>
/// <param name="Pauses">When the collector kept all threads out.</param>
/// <param name="PeakBytes">Resident at most, above what it was before the caches were filled.</param>
/// <param name="CpuSeconds">User and system time of the process while operations were timed.</param>
internal sealed record LatencyRun(
    double Seconds, Dictionary<int, long> Counts, SlowOperation[] Slow, CollectorPause[] Pauses, long? PeakBytes, double CpuSeconds);
