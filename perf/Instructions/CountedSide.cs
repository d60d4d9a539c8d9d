namespace SpanHeap.Perf.Instructions;

/// <summary>The programs in one language. The one whose allocator is empty has the same loops, compiled in the same way.</summary>
/// <param name="Empty">What it takes is taken from what the others take.</param>
/// <param name="Contenders">A program for each allocator.</param>
internal sealed record CountedSide(CountedProgram Empty, IReadOnlyList<CountedProgram> Contenders);
