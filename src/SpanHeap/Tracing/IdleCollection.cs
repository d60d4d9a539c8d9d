using SpanHeap.Caches;
using SpanHeap.Os;

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

    // A round's, or that of who looks at the heap as a whole.
    private RoundTurn _turn;

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
        Uninterrupted.Dispose(_timer);
        _turn.End();
    }

    /// <summary>Keeps rounds from beginning; waits for one that is on.</summary>
    public void Pause() => _turn.Take();

    public void Resume() => _turn.Return();

    /// <summary>Looks once; for the timer, and for tests.</summary>
    public void Round()
    {
        if (!_turn.TryTake())
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
            _turn.Return();
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
