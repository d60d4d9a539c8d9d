using System.Diagnostics;
using SpanHeap.Perf.Traced.Workers;

namespace SpanHeap.Perf.Traced.Workloads;

/// <summary>A program that makes garbage, written for each of the memory managers that it makes sense for. It checks its own results.</summary>
internal abstract class TracedWorkload(string name)
{
    /// <summary>On the command line and in tables.</summary>
    public string Name { get; } = name;

    /// <summary>The same program so small that it can be run often before the time is taken.</summary>
    public abstract TracedWorkload Small { get; }

    /// <summary>How deep its trees are where it is nothing but trees, which the peers from outside .NET are given too.</summary>
    public virtual int? TreeDepth => null;

    /// <summary>Milliseconds of its parts in the last run, by name, where it times them.</summary>
    public Dictionary<string, double> Parts { get; } = [];

    public abstract void Run(SpanHeapSession session);

    public abstract void Run(DotnetSession session);

    public virtual void Run(BoehmSession session) => throw new NotSupportedException($"{Name} is not written for the Boehm collector.");

    protected void Time(string part, Action run)
    {
        long start = Stopwatch.GetTimestamp();
        run();
        Parts[part] = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }

    protected void Require(string what, long expected, long found) => WrongResultException.ThrowUnless(Name, what, expected, found);
}
