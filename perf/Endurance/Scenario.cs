using SpanHeap.Perf.Allocators;

namespace SpanHeap.Perf.Endurance;

/// <summary>A way to use memory over time, and what must hold at its end.</summary>
internal abstract class Scenario
{
    protected const long MiB = 1 << 20;

    public abstract string Name { get; }

    /// <summary>The limit in words, for the table.</summary>
    public abstract string Limit { get; }

    /// <summary>How often it runs unless the command line says otherwise: more than once where time is judged.</summary>
    public virtual int Rounds => 1;

    /// <summary>Runs in a process of its own.</summary>
    /// <param name="blocks">How many blocks to hand over, for the scenarios that do.</param>
    public abstract Outcome Run<T>(long blocks) where T : struct, IAllocator<T>, allows ref struct;

    /// <summary>Whether the limit is kept; null where it cannot be said here.</summary>
    public abstract bool? Holds(Outcome outcome, Outcome? system);
}
