using System.Diagnostics;

namespace SpanHeap.Os;

#if INTERLEAVING
/// <summary>Decides at each point which thread continues.</summary>
internal interface IInterleaver
{
    /// <summary>The calling thread has reached a point.</summary>
    void At(InterleavingPoint point);

    /// <summary>The calling thread can continue when the condition holds.</summary>
    void Await(InterleavingPoint point, Func<bool> condition);

    /// <summary>The calling thread polls for something that another thread must do.</summary>
    void Spin(InterleavingPoint point);

    /// <summary>The calling thread is in one of .NET's waits, or others find it there. It continues whenever it likes.</summary>
    void Sleep(InterleavingPoint point);

    /// <summary>Whether a thread sleeps; null for a thread that is not scheduled, which can be asked directly.</summary>
    bool? IsAsleep(Thread thread);

    /// <summary>Whether waits with a bound continue forever; otherwise they end as soon as they may.</summary>
    bool IsPatient { get; }

    /// <summary>Hands over work that another thread is to do.</summary>
    void Fork(string name, Action work);
}
#endif

/// <summary>
/// Defines named points that do nothing and do not exist at all in the shipped assembly. A test assembly compiles these sources with
/// <c>INTERLEAVING</c> and runs one thread at a time from point to point.
/// </summary>
internal static class InterleavingPoints
{
#if INTERLEAVING
    [ThreadStatic]
    private static IInterleaver? t_visitor;

    // The number of locks that the calling thread holds.
    [ThreadStatic]
    private static int t_locks;

    /// <summary>Gets or sets what is called at each point that the calling thread reaches.</summary>
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

    /// <summary>A point that exists only under a condition: where nothing happens, there is nothing to be before or after.</summary>
    [Conditional("INTERLEAVING")]
    public static void AtIf(bool condition, InterleavingPoint point)
    {
        if (condition)
        {
            At(point);
        }
    }

    /// <summary>A point that does not exist for a thread that holds a lock: what it does is a single step to all others.</summary>
    [Conditional("INTERLEAVING")]
    public static void AtUnlocked(InterleavingPoint point)
    {
#if INTERLEAVING
        if (t_locks == 0)
        {
            At(point);
        }
#endif
    }

    /// <summary>A point before a wait for something that another thread does.</summary>
    [Conditional("INTERLEAVING")]
    public static void Await(InterleavingPoint point, Func<bool> condition)
    {
#if INTERLEAVING
        RequireNoLock(point);
        Visitor?.Await(point, condition);
#endif
    }

    /// <summary>A point before a lock whose holder may be at a point.</summary>
    [Conditional("INTERLEAVING")]
    public static void AwaitFree(InterleavingPoint point, Lock held)
    {
#if INTERLEAVING
        Visitor?.Await(point, () => IsFree(held));
#endif
    }

    /// <summary>
    /// A point before a lock that is held at points (<see cref="NoteLockAwaited"/>). Not a point while the lock is free, because most threads never
    /// wait for it.
    /// </summary>
    [Conditional("INTERLEAVING")]
    public static unsafe void AwaitFree(InterleavingPoint point, NativeLock* held)
    {
#if INTERLEAVING
        if (held->IsHeld)
        {
            Await(point, () => !held->IsHeld);
        }
#endif
    }

    /// <summary>A point where the calling thread is in one of .NET's waits, or .NET code may contain one.</summary>
    [Conditional("INTERLEAVING")]
    public static void Sleep(InterleavingPoint point)
    {
#if INTERLEAVING
        RequireNoLock(point);
        Visitor?.Sleep(point);
#endif
    }

    /// <summary>A point as above that exists only under a condition.</summary>
    [Conditional("INTERLEAVING")]
    public static void SleepIf(bool condition, InterleavingPoint point)
    {
        if (condition)
        {
            Sleep(point);
        }
    }

    /// <summary>
    /// Whether a thread is in one of the program's waits. A thread that runs only in its turn is always in some wait, so the schedule has to tell.
    /// </summary>
    [Conditional("INTERLEAVING")]
    public static void AskWhetherAsleep(Thread? thread, ref bool asleep)
    {
#if INTERLEAVING
        if (thread != null && Visitor?.IsAsleep(thread) is { } told)
        {
            asleep = told;
        }
#endif
    }

    /// <summary>A point in each turn of a loop that waits.</summary>
    [Conditional("INTERLEAVING")]
    public static void Spin(InterleavingPoint point)
    {
#if INTERLEAVING
        RequireNoLock(point);
        Visitor?.Spin(point);
#endif
    }

    /// <summary>A point in a loop that waits until some time after a time stamp. No schedule may depend on how fast the loop runs.</summary>
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

    /// <summary>A point before a thread sleeps until another wakes it. Where one thread runs at a time, it waits at points instead.</summary>
    [Conditional("INTERLEAVING")]
    public static void StayAwake(ref bool sleeps)
    {
#if INTERLEAVING
        sleeps &= Visitor == null;
#endif
    }

    /// <summary>Notes that the calling thread has taken a <see cref="NativeLock"/>, or tried to.</summary>
    [Conditional("INTERLEAVING")]
    public static void NoteLockTaken(bool taken)
    {
#if INTERLEAVING
        t_locks += taken ? 1 : 0;
#endif
    }

    /// <summary>Notes that the calling thread is about to leave a <see cref="NativeLock"/>.</summary>
    [Conditional("INTERLEAVING")]
    public static void NoteLockLeft()
    {
#if INTERLEAVING
        t_locks--;
#endif
    }

    /// <summary>
    /// Notes that the calling thread has taken a lock that others wait for at a point (<see cref="AwaitFree(InterleavingPoint, NativeLock*)"/>), or
    /// is about to leave it. While it holds that lock it may itself reach points.
    /// </summary>
    [Conditional("INTERLEAVING")]
    public static void NoteLockAwaited(bool held)
    {
#if INTERLEAVING
        t_locks += held ? -1 : 1;
#endif
    }

    /// <summary>A point before work is queued for one of the library's threads. A test takes the work for a thread of its own.</summary>
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
    // A thread that waits for the lock of a thread without a turn would wait forever.
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
