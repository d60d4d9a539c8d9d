using System.Diagnostics;

namespace SpanHeap.Os;

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

    // Locks that the calling thread holds.
    [ThreadStatic]
    private static int t_locks;

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
        RequireNoLock(point);
        Visitor?.At(point);
#endif
    }

    /// <summary>A point that is one only under a condition: where nothing happens, there is nothing to be before or after.</summary>
    [Conditional("INTERLEAVING")]
    public static void AtIf(bool condition, InterleavingPoint point)
    {
        if (condition)
        {
            At(point);
        }
    }

    /// <summary>Before a wait for what another thread does.</summary>
    [Conditional("INTERLEAVING")]
    public static void Await(InterleavingPoint point, Func<bool> condition)
    {
#if INTERLEAVING
        RequireNoLock(point);
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
        RequireNoLock(point);
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

    /// <summary>The calling thread has taken a <see cref="NativeLock"/>, or tried to.</summary>
    [Conditional("INTERLEAVING")]
    public static void NoteLockTaken(bool taken)
    {
#if INTERLEAVING
        t_locks += taken ? 1 : 0;
#endif
    }

    /// <summary>The calling thread is about to leave a <see cref="NativeLock"/>.</summary>
    [Conditional("INTERLEAVING")]
    public static void NoteLockLeft()
    {
#if INTERLEAVING
        t_locks--;
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
    // One that waits for the lock of a thread without a turn would wait for ever.
    private static void RequireNoLock(InterleavingPoint point)
    {
        if (t_locks != 0 && Visitor != null)
        {
            throw new InvalidOperationException($"The thread holds {t_locks} locks at {point}.");
        }
    }

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
