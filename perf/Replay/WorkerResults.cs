namespace SpanHeap.Perf.Replay;

/// <summary>The worker is warm and will repeat the trace so often in each round.</summary>
internal sealed record WarmReady(int Repetitions);

/// <summary>One timed round.</summary>
internal sealed record RoundTime(double NsPerOp);

/// <summary>The peak above the baseline, and what the allocator says it keeps resident after the last recorded operation.</summary>
internal sealed record PeakMemory(long? Bytes, long? OwnBytes);
