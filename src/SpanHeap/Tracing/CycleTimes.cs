namespace SpanHeap.Tracing;

/// <summary>How long the parts of a collection took.</summary>
/// <param name="Finishing">Sweeping what the cycle before had left.</param>
/// <param name="Marking">Finding all that roots reach.</param>
/// <param name="MarkEnd">When marking had ended, in Stopwatch ticks.</param>
internal readonly record struct CycleTimes(TimeSpan Finishing, TimeSpan Marking, long MarkEnd);
