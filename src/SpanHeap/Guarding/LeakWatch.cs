namespace SpanHeap.Guarding;

/// <summary>Has a heap's guarded blocks that live reported once: when the heap goes, or when the process ends if that comes first.</summary>
internal sealed class LeakWatch : IDisposable
{
    private readonly GuardHeap _guard;
    private readonly string _heap;
    private const int Due = 0;
    private const int Writing = 1;
    private const int Done = 2;

    // Moved on by compare-exchange from Due, by whoever writes the report from there: no lock, which an interrupt could keep a heap that
    // is being disposed from taking. Whoever finds it done has nothing to do with the heap's memory any more, which may be gone.
    private int _state;

    public LeakWatch(GuardHeap guard, string heap)
    {
        _guard = guard;
        _heap = heap;
        AppDomain.CurrentDomain.ProcessExit += OnExit;
    }

    /// <summary>To be called while the heap's memory is there; waits for a report that is being written.</summary>
    public void Dispose()
    {
        AppDomain.CurrentDomain.ProcessExit -= OnExit;
        Report();
    }

    private void OnExit(object? sender, EventArgs e) => Report();

    private void Report()
    {
        if (Interlocked.CompareExchange(ref _state, Writing, Due) == Due)
        {
            try
            {
                GuardLeaks.Report(_guard, _heap);
            }
            finally
            {
                Volatile.Write(ref _state, Done);
            }
        }

        while (Volatile.Read(ref _state) != Done)
        {
            Thread.Yield();
        }
    }
}
