using SpanHeap.Os;

namespace SpanHeap.Traced.CleanUps;

/// <summary>Holds the clean-ups of dead blocks and runs them, on a thread of the heap's own or on one that asks to.</summary>
/// <remarks>Thread safe. Clean-ups run one at a time, in order, on whichever thread; an exception from one does not stop those after it.</remarks>
internal sealed class CleanUpQueue(CleanUpCounts counts) : IDisposable
{
    // Held while a clean-up runs or none may run; taken before the other lock. Its owner may take it again: a clean-up may pause the others.
    private readonly Lock _running = new();
    private readonly SemaphoreSlim _wake = new(0);

    // A lock that no interrupt breaks: the collector adds while it has the gate closed.
    private NativeLock _lock;

    // Guarded by that lock.
    private CleanUp? _first;
    private CleanUp? _last;
    private long _count;

    // Written by the collector in Wake, under its lock.
    private Thread? _thread;
    private bool _disposed;

    /// <summary>Called with the exception that a clean-up threw, on the thread that ran it. Set when the heap is made.</summary>
    public Action<Exception>? OnFailure { get; set; }

    /// <summary>The number that wait, including those that were cancelled meanwhile.</summary>
    public long Count => Volatile.Read(ref _count);

    /// <summary>Whether the calling thread is running one.</summary>
    public bool IsRunningHere => _running.IsHeldByCurrentThread;

    /// <summary>Appends a chain of clean-ups. Throws nothing.</summary>
    public void Add(CleanUp first, CleanUp last, long count)
    {
        _lock.Enter();
        if (_last == null)
        {
            _first = first;
        }
        else
        {
            _last.Next = first;
        }

        _last = last;
        _count += count;
        _lock.Exit();
    }

    /// <summary>Ensures that waiting clean-ups are run. Called by the collector, when the gate is open again.</summary>
    public void Wake()
    {
        // If the system gives no thread now, it may after the next collection; until then they wait.
        if (Count > 0 && (_thread ??= BackgroundThread.TryStart(Work, "SpanHeap clean-ups")) != null && _wake.CurrentCount == 0)
        {
            Uninterrupted.Release(_wake, 1);
        }
    }

    /// <summary>
    /// Runs all that wait, and waits for one that another thread is running. Called by a clean-up, it does nothing: the others come after that one.
    /// </summary>
    public void RunAll()
    {
        if (!IsRunningHere)
        {
            while (TryRunNext())
            {
            }
        }
    }

    /// <summary>Keeps clean-ups from beginning while the heap is inspected as a whole; waits for one that another thread is running.</summary>
    public void Pause() => EnterRunning();

    /// <summary>Ends a pause, on the thread that began it.</summary>
    public void Resume() => _running.Exit();

    /// <summary>
    /// Waits for one that is running, ends the thread and drops the rest. No other thread uses the heap, and no clean-up calls this.
    /// </summary>
    public void Dispose()
    {
        Volatile.Write(ref _disposed, true);
        if (_thread != null)
        {
            Uninterrupted.Release(_wake, 1);
            Uninterrupted.Join(_thread);
            _thread = null;
        }

        while (TakeFirst() is { } cleanUp)
        {
            Drop(cleanUp);
        }

        _wake.Dispose();
    }

    /// <summary>Drops a clean-up, because the heap ends before its block died or before it ran.</summary>
    public static void Drop(CleanUp cleanUp)
    {
        if (cleanUp.TryTake())
        {
            cleanUp.Forget();
            cleanUp.Counts.NoteDropped();
        }
    }

    private void Work()
    {
        while (!Volatile.Read(ref _disposed))
        {
            Uninterrupted.Wait(_wake);
            while (!Volatile.Read(ref _disposed) && TryRunNext())
            {
            }
        }
    }

    private bool TryRunNext()
    {
        EnterRunning();
        try
        {
            CleanUp? cleanUp = TakeFirst();
            if (cleanUp != null && cleanUp.TryTake())
            {
                Run(cleanUp);
            }

            return cleanUp != null;
        }
        finally
        {
            _running.Exit();
        }
    }

    // On the heap's own thread an interrupt would end the process.
    private void EnterRunning() => Uninterrupted.Do(_running, static running => running.Enter());

    private void Run(CleanUp cleanUp)
    {
        try
        {
            cleanUp.Run();
            counts.NoteRun();
        }
        catch (Exception failure)
        {
            counts.NoteRun();
            counts.NoteFailed();
            OnFailure?.Invoke(failure);
        }
    }

    private CleanUp? TakeFirst()
    {
        _lock.Enter();
        CleanUp? first = _first;
        if (first != null)
        {
            _first = first.Next;
            _last = _first == null ? null : _last;
            first.Next = null;
            _count--;
        }

        _lock.Exit();
        return first;
    }
}
