namespace SpanHeap.Tracing;

/// <summary>Collects a heap that made garbage and is left alone since: what died then is not kept until somebody goes on.</summary>
/// <remarks>A timer that holds the heap weakly and comes twice per delay. A heap where nothing was made since a collection is let be.</remarks>
internal sealed class IdleCollection : IDisposable
{
    private const int RoundsPerDelay = 2;

    // Less is not worth waking anybody.
    private const long LeastBytes = 64 * 1024;

    private readonly WeakReference<TracedHeap> _heap;
    private readonly Timer _timer;

    // The round's, one at a time: what had been made at the round before, in how many cycles; and for how many rounds that is so.
    private long _bytes;
    private long _cycles;
    private int _quietRounds;

    // A round is on, or none may be: for who looks at the heap as a whole, and for good when it is disposed. By compare-exchange.
    private const int Free = 0;
    private const int On = 1;
    private const int Ended = 2;

    private int _state;

    public IdleCollection(TracedHeap heap, TimeSpan delay)
    {
        _heap = new WeakReference<TracedHeap>(heap);
        TimeSpan period = delay / RoundsPerDelay;
        using (ExecutionContext.SuppressFlow())
        {
            _timer = new Timer(static self => ((IdleCollection)self!).Round(), this, period, period);
        }
    }

    /// <summary>Waits for a round that is on; none comes after it. Again, it does nothing.</summary>
    public void Dispose()
    {
        _timer.Dispose();
        while (Interlocked.CompareExchange(ref _state, Ended, Free) == On)
        {
            Thread.Yield();
        }
    }

    /// <summary>Keeps rounds from beginning; waits for one that is on.</summary>
    public void Pause()
    {
        while (Interlocked.CompareExchange(ref _state, On, Free) == On)
        {
            Thread.Yield();
        }
    }

    public void Resume() => Interlocked.CompareExchange(ref _state, Free, On);

    /// <summary>Looks once; for the timer, and for tests.</summary>
    public void Round()
    {
        if (Interlocked.CompareExchange(ref _state, On, Free) != Free)
        {
            return;
        }

        try
        {
            if (_heap.TryGetTarget(out TracedHeap? heap))
            {
                Look(heap);
            }
            else
            {
                // Dropped undisposed.
                _timer.Dispose();
            }
        }
        finally
        {
            Resume();
        }
    }

    private void Look(TracedHeap heap)
    {
        long bytes = heap.Pacer.BytesTaken;
        long cycles = heap.Collector.Cycles;
        bool quiet = bytes == _bytes && cycles == _cycles && bytes >= LeastBytes;
        _quietRounds = quiet ? _quietRounds + 1 : 0;
        (_bytes, _cycles) = (bytes, cycles);
        if (_quietRounds >= RoundsPerDelay)
        {
            _quietRounds = 0;
            heap.Collector.TryCollectIdle();
        }
    }
}
