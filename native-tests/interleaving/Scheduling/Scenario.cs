using SpanHeap.Os;

namespace SpanHeap.Tests.Interleaving.Scheduling;

/// <summary>What is run in one order after the other, each time made anew.</summary>
internal sealed class Scenario(IDisposable world, params (string Name, Action Body)[] threads) : IDisposable
{
    public IReadOnlyList<(string Name, Action Body)> Threads => threads;

    /// <summary>
    /// The first of the points that are passed over. Scenarios of traced memory change threads at its own points: those of the heap under
    /// it would multiply the schedules, and have scenarios of their own.
    /// </summary>
    public InterleavingPoint PassedOverFrom { get; } = world is ManualWorld ? InterleavingPoint.End : InterleavingPoint.RemoteBlockFreed;

    /// <summary>Whether waits with a bound go on for ever.</summary>
    public bool IsPatient { get; init; } = true;

    /// <summary>How long may pass until the next thread ends.</summary>
    public TimeSpan Hang { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>What must hold where a thread is.</summary>
    public Action<InterleavingPoint>? Passing { get; init; }

    /// <summary>What must hold at each point.</summary>
    public Action? Always { get; init; }

    /// <summary>What must hold when all threads have ended.</summary>
    public Action? AtEnd { get; init; }

    public void Dispose() => world.Dispose();
}
