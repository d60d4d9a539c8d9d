using SpanHeap.Os;

namespace SpanHeap.Caches;

/// <summary>
/// The process's one thread that visits heaps when they are due. It starts when the first heap is scheduled, and ends when for a while no
/// heap was.
/// </summary>
/// <remarks>
/// A thread of its own and not the thread pool's timers: where all threads of the pool wait, and the pool has as many as it may, its timers
/// do not run, and a program that waits would keep what it has freed. One thread for the process and not for each heap, because a heap per
/// request is a use.
/// <para>Thread safe, by a lock under which no other is taken.</para>
/// </remarks>
internal static class MaintenanceThread
{
    // Enough for a round, which calls no code of the program.
    private const int StackBytes = 256 * 1024;

    // How long the thread waits for a heap to visit before it ends, in milliseconds.
    private const int Patience = 10_000;

    private static readonly AutoResetEvent s_wake = new(initialState: false);

    private static NativeLock s_lock;

    // Guarded by the lock.
    private static MaintenanceQueue s_queue;
    private static bool s_isRunning;

    // The tick, in milliseconds, until which the thread sleeps unless it is woken; guarded by the lock.
    private static long s_sleepsUntil;

    /// <summary>Whether the thread exists, or is about to.</summary>
    public static bool IsRunning => Volatile.Read(ref s_isRunning);

    /// <summary>Lets a heap be visited after a delay, instead of when it would have been otherwise. Call without a lock.</summary>
    /// <returns>False when the system has no thread to give. The heap is visited then when any heap is scheduled with more success.</returns>
    public static bool Schedule(HeapMaintenance heap, long delayMilliseconds)
    {
        long due = Environment.TickCount64 + delayMilliseconds;
        s_lock.Enter();
        s_queue.Remove(heap);
        heap.Due = due;
        s_queue.Add(heap);
        bool start = !s_isRunning;
        s_isRunning = true;
        bool wake = !start && due < s_sleepsUntil;
        s_lock.Exit();
        if (wake)
        {
            s_wake.Set();
        }

        return !start || TryStart();
    }

    /// <summary>Lets a heap not be visited any more, unless it is just being visited.</summary>
    public static void Remove(HeapMaintenance heap)
    {
        s_lock.Enter();
        s_queue.Remove(heap);
        s_lock.Exit();
    }

    // An interrupt of the calling thread, whose Free has succeeded, waits. (Should the thread have started all the same, there are two for
    // a while, which do not disturb each other.)
    private static bool TryStart()
    {
        try
        {
            Uninterrupted.Do("SpanHeap maintenance", static name => new Thread(Run, StackBytes) { IsBackground = true, Name = name }.UnsafeStart());
            return true;
        }
        catch (Exception refused) when (refused is OutOfMemoryException or ThreadStartException)
        {
            Volatile.Write(ref s_isRunning, false);
            return false;
        }
    }

    private static void Run()
    {
        while (true)
        {
            long now = Environment.TickCount64;
            s_lock.Enter();
            HeapMaintenance? next = s_queue.First;
            bool isDue = next != null && next.Due <= now;
            long wait = next == null ? Patience : Math.Clamp(next.Due - now, 0, int.MaxValue);
            if (isDue)
            {
                s_queue.Remove(next!);
            }

            // While the thread is awake nobody needs to wake it.
            s_sleepsUntil = isDue ? long.MinValue : now + wait;
            s_lock.Exit();
            if (isDue)
            {
                next!.Visit();
            }
            else if (!s_wake.WaitOne((int)wait) && next == null && TryEnd())
            {
                return;
            }
        }
    }

    private static bool TryEnd()
    {
        s_lock.Enter();
        bool end = s_queue.First == null;
        s_isRunning = !end;
        s_lock.Exit();
        return end;
    }
}
