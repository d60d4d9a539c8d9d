namespace SpanHeap.Guarding;

/// <summary>Has a heap's guarded blocks that live reported once: when the heap goes, or when the process ends if that comes first.</summary>
internal sealed class LeakWatch : IDisposable
{
    private readonly GuardHeap _guard;
    private readonly string _heap;
    private readonly Lock _lock = new();

    // By the lock. Whoever finds it set has nothing to do with the heap's memory any more, which may be gone.
    private bool _reported;

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
        lock (_lock)
        {
            if (!_reported)
            {
                _reported = true;
                GuardLeaks.Report(_guard, _heap);
            }
        }
    }
}
