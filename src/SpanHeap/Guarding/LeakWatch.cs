namespace SpanHeap.Guarding;

/// <summary>Has a heap's guarded blocks that live reported once: when the heap goes, or when the process ends if that comes first.</summary>
/// <remarks>Thread safe: who comes first reports, and a heap waits with going until its report is written.</remarks>
internal sealed class LeakWatch : IDisposable
{
    private const int Waiting = 0;
    private const int Reporting = 1;
    private const int Reported = 2;

    private readonly GuardHeap _guard;
    private readonly string _heap;

    // Interlocked, from one of the above to the next. Once it is the last nobody here has to do with the heap's memory, which may be gone.
    private int _state;

    // Of the thread that reports, which may come back here from the writer of the error stream.
    private int _thread;

    public LeakWatch(GuardHeap guard, string heap)
    {
        _guard = guard;
        _heap = heap;
        ProcessEnd.Add(this);
    }

    /// <summary>To be called while the heap's memory is there; waits for a report that is being written.</summary>
    public void Dispose()
    {
        ProcessEnd.Remove(this);
        Report();

        // Not by a lock: one can be interrupted, and the heap would stay for ever.
        while (Volatile.Read(ref _state) == Reporting && Volatile.Read(ref _thread) != Environment.CurrentManagedThreadId)
        {
            Thread.Yield();
        }
    }

    /// <summary>Reports, unless that has been done, or somebody is just doing it.</summary>
    public void Report()
    {
        if (Interlocked.CompareExchange(ref _state, Reporting, Waiting) != Waiting)
        {
            return;
        }

        Volatile.Write(ref _thread, Environment.CurrentManagedThreadId);
        try
        {
            GuardLeaks.Report(_guard, _heap);
        }
        finally
        {
            Volatile.Write(ref _state, Reported);
        }
    }
}
