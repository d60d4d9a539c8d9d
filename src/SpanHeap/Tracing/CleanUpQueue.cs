using SpanHeap.Os;

namespace SpanHeap.Tracing;

/// <summary>The clean-ups of dead blocks, and who runs them: a thread of the heap's own, or whoever asks to.</summary>
/// <remarks>Thread safe. They run one at a time, in order, whichever thread it is; what they throw stops none behind them.</remarks>
internal sealed class CleanUpQueue(CleanUpCounts counts) : IDisposable
{
    // Held while one runs, or none may; taken before the other lock. By the thread that has it again: a clean-up may pause the others.
    private readonly Lock _running = new();
    private readonly SemaphoreSlim _wake = new(0);

    // One that no interrupt ends: the collector adds while it has the gate closed.
    private NativeLock _lock;

    // By that lock.
    private CleanUp? _first;
    private CleanUp? _last;
    private long _count;

    // By who wakes: the collector, under its lock.
    private Thread? _thread;
    private bool _disposed;

    /// <summary>Called with what a clean-up threw, on the thread that ran it; set when the heap is made.</summary>
    public Action<Exception>? OnFailure { get; set; }

    /// <summary>How many wait, those included that were cancelled meanwhile.</summary>
    public long Count => Volatile.Read(ref _count);

    /// <summary>Whether the calling thread is running one.</summary>
    public bool IsRunningHere => _running.IsHeldByCurrentThread;

    /// <summary>Adds a chain of so many behind the others. Throws nothing.</summary>
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

    /// <summary>Makes sure that what waits is run. By the collector, when the gate is open again.</summary>
    public void Wake()
    {
        // Where the system gives no thread now it may after the next collection; until then they wait.
        if (Count > 0 && (_thread ??= BackgroundThread.TryStart(Work, "SpanHeap clean-ups")) != null && _wake.CurrentCount == 0)
        {
            Uninterrupted.Release(_wake, 1);
        }
    }

    /// <summary>
    /// Runs all that wait, and waits for one that another thread is running. Called by a clean-up it does nothing: those behind it come
    /// after it.
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

    /// <summary>Keeps clean-ups from beginning, for who looks at the heap as a whole; waits for one that another thread is running.</summary>
    public void Pause() => EnterRunning();

    /// <summary>On the thread that paused.</summary>
    public void Resume() => _running.Exit();

    /// <summary>Waits for one that is running, ends the thread and drops the rest. Nobody else uses the heap, and no clean-up calls it.</summary>
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

    /// <summary>The heap ends before the block did, or before it was run.</summary>
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
