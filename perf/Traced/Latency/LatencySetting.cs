namespace SpanHeap.Perf.Traced.Latency;

/// <summary>What is measured.</summary>
/// <param name="Threads">Threads with a cache each.</param>
/// <param name="LiveMebibytes">What the caches hold together, about.</param>
/// <param name="Seconds">How long operations are timed.</param>
internal sealed record LatencySetting(int Threads, int LiveMebibytes, int Seconds);
