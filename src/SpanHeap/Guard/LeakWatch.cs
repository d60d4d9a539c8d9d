namespace SpanHeap.Guard;

/// <summary>Reports a heap's live guarded blocks once: when the heap is disposed, or when the process ends if that comes first.</summary>
/// <remarks>Thread safe: the first thread that comes writes the report, and any other waits until it is written.</remarks>
internal sealed class LeakWatch : IDisposable
{
    private const int Due = 0;
    private const int Writing = 1;
    private const int Done = 2;

    private readonly GuardedBlocks _guard;
    private readonly string _heap;

    // The thread that moves it on from Due, by compare-exchange, writes the report. There is no lock, because an interrupt could keep a heap
    // that is being disposed from taking it. A thread that finds it Done does not touch the heap's memory, which may be gone.
    private int _state;

    // The thread that writes the report. It may come back here from the writer of the error stream.
    private int _thread;

    public LeakWatch(GuardedBlocks guard, string heap)
    {
        _guard = guard;
        _heap = heap;
        ProcessEnd.Add(this);
    }

    /// <summary>Reports unless that has been done, and stops watching. The heap's memory must still be there; waits for a report that is being written.</summary>
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
                GuardLeaks.Report(_heap, _guard.LiveBlocks());
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
