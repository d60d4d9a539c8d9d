using System.Diagnostics;
using SpanHeap.Traced;

namespace SpanHeap.Perf.Traced.Details;

/// <summary>A part of traced memory by itself, which no program would show.</summary>
/// <param name="name">On the command line and in tables.</param>
internal abstract class HeapDetail(string name)
{
    public string Name { get; } = name;

    /// <summary>Measures it in a process that is warm.</summary>
    public abstract Dictionary<string, double> Measure();

    /// <summary>What <see cref="Measure"/> runs, without its size: called often before.</summary>
    public abstract void WarmUp();

    // Finer than a TimeSpan, whose ticks are 100 ns.
    protected static double Nanoseconds(long start, long end) => (end - start) * (1e9 / Stopwatch.Frequency);

    // Nothing is collected but when asked.
    protected static TracedHeap NewHeap() => new(new TracedHeapOptions { MinimumBytes = nuint.MaxValue });
}
