using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using SpanHeap.Os;

namespace SpanHeap.Heap;

/// <summary>
/// A thread of the process that visits the entries of all heaps when they are due. It starts when the first entry is scheduled, and ends after some
/// time without entries.
/// </summary>
/// <remarks>
/// This is a separate thread, not a timer of the thread pool. When all threads of the pool wait and the pool has reached its maximum, its timers do
/// not run, and a program that waits would keep what it has freed. There is one thread for the process, not one for each heap, because some programs
/// create a heap for each request.
/// <para>Thread safe, by a lock under which no other is taken.</para>
/// </remarks>
/// <param name="name">The name that debuggers show.</param>
/// <param name="stackBytes">The size of its stack in bytes; 0 for the default.</param>
[SuppressMessage("Design", "CA1001:Types that own disposable fields should be disposable", Justification = "It lives as long as the process.")]
internal sealed class MaintenanceThread(string name, int stackBytes)
{
    /// <summary>The thread whose entries are heaps. Its stack is large enough for a round, which calls no code of the program.</summary>
    public static readonly MaintenanceThread OfHeaps = new("SpanHeap maintenance", 256 * 1024);

    // How long the thread waits for something to visit before it ends, in milliseconds.
    private const int Patience = 10_000;

    private readonly AutoResetEvent _wake = new(initialState: false);

    private NativeLock _lock;

    // Guarded by the lock.
    private MaintenanceQueue _queue;
    private bool _isRunning;

    // The tick, in milliseconds, until which the thread sleeps unless it is woken. Guarded by the lock.
    private long _sleepsUntil;

    /// <summary>Whether the thread exists or is about to.</summary>
    public bool IsRunning => Volatile.Read(ref _isRunning);

    /// <summary>Schedules a visit to an entry after a delay, replacing the time that was scheduled before. Call without a lock.</summary>
    /// <returns>False when the system cannot provide a thread. The entry is then visited once any entry is scheduled with more success.</returns>
    public bool Schedule(MaintenanceEntry entry, long delayMilliseconds)
    {
        LockOrder.AssertNoneHeld();
        long due = Environment.TickCount64 + delayMilliseconds;
        _lock.Enter();
        _queue.Remove(entry);
        entry.Due = due;
        _queue.Add(entry);
        bool start = !_isRunning;
        _isRunning = true;
        bool wake = !start && due < _sleepsUntil;
        _lock.Exit();
        if (wake)
        {
            _wake.Set();
        }

        return !start || TryStart();
    }

    /// <summary>Cancels the visit to an entry, unless the visit is in progress.</summary>
    public void Remove(MaintenanceEntry entry)
    {
        _lock.Enter();
        _queue.Remove(entry);
        _lock.Exit();
    }

    // An interrupt of the calling thread, whose Free has succeeded, is deferred. (Two threads for a while do not disturb each other.)
    private bool TryStart()
    {
        bool started = BackgroundThread.TryStartUninterrupted(Run, name, stackBytes);
        if (!started)
        {
            Volatile.Write(ref _isRunning, false);
        }

        return started;
    }

    private void Run()
    {
        long wait;
        do
        {
            while (TryVisit(out wait))
            {
            }
        }
        while (Wait((int)Math.Min(wait, int.MaxValue)) || !TryEnd());
    }

    // Visits the entry that is due first, if it is due already. This is a method of its own so that a visited object is not kept alive while the
    // thread waits.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool TryVisit(out long wait)
    {
        long now = Environment.TickCount64;
        _lock.Enter();
        MaintenanceEntry? next = _queue.First;
        bool isDue = next != null && next.Due <= now;
        wait = next == null ? Patience : next.Due - now;
        if (isDue)
        {
            _queue.Remove(next!);
        }

        // While the thread is awake, no other thread needs to wake it.
        _sleepsUntil = isDue ? long.MinValue : now + wait;
        _lock.Exit();
        if (isDue)
        {
            next!.Visit();
        }

        return isDue;
    }

    // False when no thread has woken this one for that long. Code of the program that it has called may interrupt it, which ends no wait permanently.
    private bool Wait(int milliseconds)
    {
        try
        {
            return _wake.WaitOne(milliseconds);
        }
        catch (ThreadInterruptedException)
        {
            return true;
        }
    }

    private bool TryEnd()
    {
        _lock.Enter();
        bool end = _queue.First == null;
        _isRunning = !end;
        _lock.Exit();
        return end;
    }
}
