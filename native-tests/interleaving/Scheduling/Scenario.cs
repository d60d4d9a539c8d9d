using SpanHeap.Os;

namespace SpanHeap.Tests.Interleaving.Scheduling;

/// <summary>What is run in one order after the other, each time made anew.</summary>
internal sealed class Scenario(IDisposable world, params ScenarioThread[] threads) : IDisposable
{
    public IReadOnlyList<ScenarioThread> Threads => threads;

    /// <summary>
    /// Whether threads change within fast paths too, which no thread can interrupt except by closing the way to the cache
    /// (<see cref="SpanHeap.Caches.StackReclaimer"/>): elsewhere that would multiply the schedules.
    /// </summary>
    public bool StepsThroughFastPaths { get; init; }

    /// <summary>Whether threads change while a marker looks at a page: elsewhere that would multiply the schedules, too.</summary>
    public bool StepsThroughPages { get; init; }

    /// <summary>
    /// Whether threads change at a point, and do not pass it over. Scenarios of traced memory change them at its own points: those of the
    /// heap under it would multiply the schedules, and have scenarios of their own.
    /// </summary>
    public bool StopsAt(InterleavingPoint point) => point switch
    {
        InterleavingPoint.StackRead => StepsThroughFastPaths,
        InterleavingPoint.BlockMarked or InterleavingPoint.BlockWaits or InterleavingPoint.PageLeaving or InterleavingPoint.PageLeft => StepsThroughPages,
        < InterleavingPoint.RemoteBlockFreed => true,
        _ => world is not TracedWorld,
    };

    /// <summary>Whether waits with a bound go on forever.</summary>
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
