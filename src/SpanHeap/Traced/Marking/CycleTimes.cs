namespace SpanHeap.Traced.Marking;

/// <summary>How long the parts of a collection took.</summary>
/// <param name="Finishing">The time to sweep what the previous cycle had left.</param>
/// <param name="Marking">The time to find all that roots reach.</param>
/// <param name="MarkEnd">When marking ended, in Stopwatch ticks.</param>
internal readonly record struct CycleTimes(TimeSpan Finishing, TimeSpan Marking, long MarkEnd);
