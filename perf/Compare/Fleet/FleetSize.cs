namespace SpanHeap.Perf.Compare.Fleet;

/// <summary>What a profile says of the blocks of one size.</summary>
/// <param name="Size">In bytes.</param>
/// <param name="Rate">How many are allocated in a unit of time, which is the same for all sizes of a profile.</param>
/// <param name="Live">How many are live at a time.</param>
internal readonly record struct FleetSize(uint Size, double Rate, double Live);
