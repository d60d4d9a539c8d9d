namespace SpanHeap.Consumers.Measurements;

/// <summary>What two processes measured, one after the other: a value for each figure.</summary>
/// <param name="Own">With the library's own memory; null if there is nothing to compare with.</param>
/// <param name="Heap">With a heap.</param>
internal sealed record MeasuredRound(double[]? Own, double[] Heap);
