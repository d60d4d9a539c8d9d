namespace SpanHeap.Perf.Measurement;

/// <summary>The worker is warm and will repeat its pass so often in each round.</summary>
internal sealed record WarmReady(int Repetitions);

/// <summary>One timed round.</summary>
internal sealed record RoundTime(double NsPerOp);

/// <summary>The peak above the baseline, and what the allocator says it keeps resident after the last operation.</summary>
internal sealed record PeakMemory(long? Bytes, long? OwnBytes);

/// <summary>What is resident above the baseline some time after the last free.</summary>
internal sealed record IdleMemory(long? Bytes);
