namespace SpanHeap.Tracing;

/// <summary>How a heap's traced memory is collected. Validated.</summary>
/// <param name="GrowthPercent">How much the heap may grow, in hundredths of what was live after a cycle, before the next begins.</param>
/// <param name="MinimumBytes">Bytes below which no cycle begins by itself.</param>
/// <param name="Patience">How long the collector keeps threads out while it waits for one that is in a scope.</param>
/// <param name="MarkThreads">How many threads mark at most.</param>
internal sealed record TracingOptions(int GrowthPercent, long MinimumBytes, TimeSpan Patience, int MarkThreads);
