using System.Diagnostics;

namespace SpanHeap.Sweeping;

/// <summary>Places in the protocol where a test may let other threads run. At none of them does a thread hold a <c>NativeLock</c>.</summary>
internal enum InterleavingPoint
{
    /// <summary>Counted as sweeping, with no span yet.</summary>
    SweepBegun,

    /// <summary>Taken out of the lists of unswept spans, and not won yet.</summary>
    SpanTakenUnswept,
    SweepAcquired,
    SweepClearedBits,
    SweepStoredGeneration,

    /// <summary>Swept, and in a set or the page heap's.</summary>
    SpanPublished,

    /// <summary>A kind had no unswept span; the next is not named yet.</summary>
    KindExhausted,

    /// <summary>Nothing was left to begin; others are not told yet.</summary>
    SweepFoundNothing,

    /// <summary>Waiting for others to end their sweeping.</summary>
    SweepersAwaited,

    /// <summary>A fresh span's pages are taken, its record is as the last owner left it.</summary>
    SpanPagesTaken,

    /// <summary>A fresh span's record is written, no page entry names it.</summary>
    SpanRecordWritten,

    /// <summary>No page entry names the span any more; its pages are not free yet.</summary>
    SpanReleased,

    /// <summary>The caller's, and not said to be cached yet.</summary>
    SpanTaken,
    SpanCached,
    SpanUncached,

    /// <summary>A stale cache has given back all that it had; it still counts as sweeping.</summary>
    CacheFlushed,
    GenerationAdvanced,

    /// <summary>In a scope as far as others see; the gate is not looked at yet.</summary>
    ScopeEntering,
    ScopeEntered,
    ScopeLeft,
    GateClosed,
    GateOpened,

    /// <summary>Waiting at the closed gate.</summary>
    GateAwaited,

    /// <summary>The gate was open; it may be closed again.</summary>
    GatePassed,

    /// <summary>Waiting for threads that are in a scope.</summary>
    ScopesAwaited,

    /// <summary>Waiting for another collection to end.</summary>
    CollectorAwaited,
    MarkingBegins,
    MarkingEnded,

    /// <summary>Weak handles of dead blocks name nothing; the blocks are not said to be dead yet.</summary>
    RecordsTaken,
    MarkWorkGiven,
    MarkWorkTaken,

    /// <summary>Waiting for other markers.</summary>
    MarkWorkAwaited,

    /// <summary>Found nothing left; still said to be running.</summary>
    BackgroundRoundEnding,
    BackgroundRoundEnded,

    /// <summary>Waiting for a round to end.</summary>
    BackgroundRoundAwaited,

    /// <summary>No slot is free, and none is added yet.</summary>
    RootSlotsMissing,
}

#if INTERLEAVING
/// <summary>Decides at each point who goes on.</summary>
internal interface IInterleaver
{
    /// <summary>The calling thread is there.</summary>
    void At(InterleavingPoint point);

    /// <summary>The calling thread can go on when the condition holds.</summary>
    void Await(InterleavingPoint point, Func<bool> condition);

    /// <summary>The calling thread looks again and again for what another must do.</summary>
    void Spin(InterleavingPoint point);

    /// <summary>Whether waits with a bound go on for ever, or else end as soon as they may.</summary>
    bool IsPatient { get; }

    /// <summary>Work that is to be another thread's.</summary>
    void Fork(string name, Action work);
}
#endif

/// <summary>
/// Named points that do nothing, and are not there at all in what is shipped: a test assembly compiles these sources with
/// <c>INTERLEAVING</c> and runs one thread at a time from point to point.
/// </summary>
internal static class InterleavingPoints
{
#if INTERLEAVING
    [ThreadStatic]
    private static IInterleaver? t_visitor;

    /// <summary>Called at each point that the calling thread comes to.</summary>
    public static IInterleaver? Visitor
    {
        get => t_visitor;
        set => t_visitor = value;
    }
#endif

    [Conditional("INTERLEAVING")]
    public static void At(InterleavingPoint point)
    {
#if INTERLEAVING
        Visitor?.At(point);
#endif
    }

    /// <summary>Before a wait for what another thread does.</summary>
    [Conditional("INTERLEAVING")]
    public static void Await(InterleavingPoint point, Func<bool> condition)
    {
#if INTERLEAVING
        Visitor?.Await(point, condition);
#endif
    }

    /// <summary>Before a lock that its holder may have at a point.</summary>
    [Conditional("INTERLEAVING")]
    public static void AwaitFree(InterleavingPoint point, Lock held)
    {
#if INTERLEAVING
        Visitor?.Await(point, () => IsFree(held));
#endif
    }

    /// <summary>In each turn of a loop that waits.</summary>
    [Conditional("INTERLEAVING")]
    public static void Spin(InterleavingPoint point)
    {
#if INTERLEAVING
        Visitor?.Spin(point);
#endif
    }

    /// <summary>In a loop that waits until so long after a time stamp: no schedule is to depend on how fast it runs.</summary>
    [Conditional("INTERLEAVING")]
    public static void HoldClock(ref long start)
    {
#if INTERLEAVING
        if (Visitor != null)
        {
            start = Visitor.IsPatient ? Stopwatch.GetTimestamp() : 0;
        }
#endif
    }

    /// <summary>Before a thread sleeps until another wakes it: where one runs at a time, it waits at points instead.</summary>
    [Conditional("INTERLEAVING")]
    public static void StayAwake(ref bool sleeps)
    {
#if INTERLEAVING
        sleeps &= Visitor == null;
#endif
    }

    /// <summary>Before work is queued to the thread pool; a test takes it for a thread of its own.</summary>
    [Conditional("INTERLEAVING")]
    public static void Fork(string name, Action work, ref bool taken)
    {
#if INTERLEAVING
        if (Visitor != null)
        {
            taken = true;
            Visitor.Fork(name, work);
        }
#endif
    }

#if INTERLEAVING
    private static bool IsFree(Lock held)
    {
        bool free = !held.IsHeldByCurrentThread && held.TryEnter();
        if (free)
        {
            held.Exit();
        }

        return free;
    }
#endif
}
