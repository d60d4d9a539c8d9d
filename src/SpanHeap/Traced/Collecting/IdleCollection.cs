using SpanHeap.Heap;

namespace SpanHeap.Traced.Collecting;

/// <summary>Collects a heap that made garbage and has been idle since, so that dead blocks do not stay until the heap is used again.</summary>
/// <remarks>
/// <see cref="TracingThread"/> visits twice per delay while something was made since the last collection, and otherwise not at all. The collector,
/// and so the heap, is held weakly. Thread safe: one round at a time.
/// </remarks>
internal sealed class IdleCollection : MaintenanceEntry, IDisposable
{
    private const int RoundsPerDelay = 2;

    // Less is not worth a collection.
    private const long LeastBytes = 64 * 1024;

    // If a heap cannot be collected because a thread stays in its scope, the interval doubles with each attempt, at most this many times.
    private const int MostDoublings = 5;

    // A very short delay must not keep the thread busy all the time.
    private static readonly TimeSpan s_shortestPeriod = TimeSpan.FromMilliseconds(2);

    private readonly WeakReference<Collector> _collector;

    // Milliseconds between two rounds.
    private readonly long _period;

    // Set by any thread when something was made; cleared by the round before it looks.
    private int _armed;

    // Used by one round at a time: the bytes and cycles at the previous round, for how many rounds they have not changed, and how many attempts in
    // a row have failed.
    private long _bytes;
    private long _cycles;
    private int _quietRounds;
    private int _failures;

    // Held by a round, or while the heap is inspected as a whole.
    private MaintenanceTurn _turn;

    public IdleCollection(Collector collector, TimeSpan delay)
    {
        _collector = new WeakReference<Collector>(collector);
        TimeSpan period = delay / RoundsPerDelay;
        _period = (long)(period < s_shortestPeriod ? s_shortestPeriod : period).TotalMilliseconds;
    }

    /// <summary>Ensures that the heap is visited, because something was made.</summary>
    public void Arm()
    {
        if (Volatile.Read(ref _armed) == 0 && Interlocked.Exchange(ref _armed, 1) == 0)
        {
            Schedule();
        }
    }

    /// <summary>Waits for a round that is on; none begins after it. Calling this again does nothing.</summary>
    public void Dispose()
    {
        TracingThread.Instance.Remove(this);
        _turn.End();
    }

    /// <summary>Keeps rounds from beginning; waits for one that is on.</summary>
    public void Pause() => _turn.Take();

    public void Resume() => _turn.Return();

    /// <summary>Does one round.</summary>
    public override void Visit()
    {
        if (!_turn.TryTake())
        {
            // While the heap is inspected as a whole, the round is put off.
            if (!_turn.HasEnded)
            {
                Schedule();
            }

            return;
        }

        // Cleared before looking, with a full fence: a thread whose blocks were not seen finds it cleared, and arms the heap again.
        Interlocked.Exchange(ref _armed, 0);
        bool again;
        try
        {
            again = _collector.TryGetTarget(out Collector? collector) && Look(collector);
        }
        finally
        {
            _turn.Return();
        }

        if (again)
        {
            Arm();
        }
    }

    // Whether there is something to collect.
    private bool Look(Collector collector)
    {
        long bytes = collector.BytesSinceMajor;
        long cycles = collector.Cycles;
        bool quiet = bytes == _bytes && cycles == _cycles && bytes >= LeastBytes;
        _quietRounds = quiet ? _quietRounds + 1 : 0;
        _failures = quiet ? _failures : 0;
        (_bytes, _cycles) = (bytes, cycles);
        if (_quietRounds >= RoundsPerDelay)
        {
            _quietRounds = 0;
            _failures = collector.TryCollectIdle() ? 0 : Math.Min(_failures + 1, MostDoublings);
        }

        return collector.BytesSinceMajor >= LeastBytes;
    }

    private void Schedule()
    {
        if (!TracingThread.Instance.Schedule(this, _period << _failures))
        {
            // There is no thread to visit the heap; the next thread that makes something tries again.
            Volatile.Write(ref _armed, 0);
        }
    }
}
