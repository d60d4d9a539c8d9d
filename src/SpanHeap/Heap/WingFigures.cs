namespace SpanHeap.Heap;

/// <summary>The figures of a heap's wing that are published with those of the heap. Each is right by itself.</summary>
/// <param name="LiveBytes">Bytes of the wing's blocks that live, as far as is known.</param>
/// <param name="Collections">The number of completed collections.</param>
/// <param name="TotalPause">How long all collections together kept threads out.</param>
internal readonly record struct WingFigures(long LiveBytes, long Collections, TimeSpan TotalPause);
