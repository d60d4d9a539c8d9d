namespace SpanHeap.Guarding;

/// <summary>Has a heap's guarded blocks that live reported once: when the heap goes, or when the process ends if that comes first.</summary>
/// <remarks>Thread safe: the first to come reports, and the others wait until the report is written.</remarks>
internal sealed class LeakWatch : IDisposable
{
    private const int Due = 0;
    private const int Writing = 1;
    private const int Done = 2;

    private readonly GuardHeap _guard;
    private readonly string _heap;

    // Moved on by compare-exchange from Due, by whoever writes the report from there: no lock, which an interrupt could keep a heap that
    // is being disposed from taking. Whoever finds it done has nothing to do with the heap's memory any more, which may be gone.
    private int _state;

    // The thread that writes, which may come back here from the writer of the error stream.
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
    }

    /// <summary>Reports, unless that has been done; waits for a report that is being written.</summary>
    public void Report()
    {
        if (Interlocked.CompareExchange(ref _state, Writing, Due) == Due)
        {
            Volatile.Write(ref _thread, Environment.CurrentManagedThreadId);
            try
            {
                GuardLeaks.Report(_guard, _heap);
            }
            finally
            {
                Volatile.Write(ref _state, Done);
            }
        }

        while (Volatile.Read(ref _state) != Done && Volatile.Read(ref _thread) != Environment.CurrentManagedThreadId)
        {
            Thread.Yield();
        }
    }
}
