using System.Diagnostics;
using SpanHeap.Caches;
using SpanHeap.Sweeping;

namespace SpanHeap.Tracing;

/// <summary>
/// Collects: closes the gate, marks what roots reach, lets the generation grow, opens the gate. Sweeping follows while threads go on.
/// </summary>
/// <remarks>Thread safe: one collection at a time, on the thread that asked or needed it.</remarks>
internal sealed unsafe class Collector(TracedHeap heap, HeapCore core, TracingOptions options) : IDisposable
{
    // A collection that somebody asked for is given up when scopes have kept it from beginning for so long.
    private static readonly TimeSpan s_longestWait = TimeSpan.FromSeconds(10);

    private readonly Lock _collecting = new();
    private readonly MarkTeam _team = new(core.Os, options.MarkThreads);
    private readonly BackgroundSweeper _background = new(heap.Sweeper);

    // When a due collection may be tried again, in Stopwatch ticks: after one that threads in scopes held up.
    private long _retryAt;
    private long _cycles;
    private long _heldUp;

    /// <summary>Collections completed.</summary>
    public long Cycles => Volatile.Read(ref _cycles);

    /// <summary>Attempts given up because a thread did not leave its scope.</summary>
    public long HeldUp => Volatile.Read(ref _heldUp);

    /// <summary>How long threads were kept out in the last collection.</summary>
    public TimeSpan LastPause { get; private set; }

    /// <summary>The longest of them.</summary>
    public TimeSpan LongestPause { get; private set; }

    /// <summary>How long the parts of the last collection took.</summary>
    public CycleTimes LastTimes { get; private set; }

    /// <summary>Marks now; sweeping goes on behind. The calling thread is in no scope.</summary>
    /// <exception cref="TimeoutException">A thread has kept its scope open all the time; the message names it.</exception>
    public void Collect()
    {
        InterleavingPoints.AwaitFree(InterleavingPoint.CollectorAwaited, _collecting);
        lock (_collecting)
        {
            CloseGate();
            RunClosed(flushAll: true);
            _background.Wake();
        }
    }

    /// <summary>Sweeps all that the last collection left. The calling thread is in no scope.</summary>
    /// <exception cref="TimeoutException">A thread has kept its scope open all the time; the message names it.</exception>
    public void FinishSweeping()
    {
        // Most of it while threads go on; what their caches still have only they or the closed gate can give back.
        while (heap.Sweeper.SweepOne(SweepReason.Finish) >= 0)
        {
        }

        InterleavingPoints.AwaitFree(InterleavingPoint.CollectorAwaited, _collecting);
        lock (_collecting)
        {
            CloseGate();
            try
            {
                FinishClosed();
            }
            finally
            {
                heap.Gate.Open();
            }
        }
    }

    /// <summary>Collects because the heap has grown, if no other thread does and no scope is in the way. The calling thread is in no scope.</summary>
    public void TryCollectDue()
    {
        if (Stopwatch.GetTimestamp() < Volatile.Read(ref _retryAt) || !_collecting.TryEnter())
        {
            return;
        }

        try
        {
            if (!heap.Pacer.IsDue)
            {
                return;
            }

            if (heap.Gate.TryClose(options.Patience, out _))
            {
                RunClosed(flushAll: false);
                _background.Wake();
            }
            else
            {
                // Not at each scope, and not for ever: as long again as was waited in vain, ten times over.
                _heldUp++;
                Volatile.Write(ref _retryAt, Stopwatch.GetTimestamp() + (options.Patience.Ticks * 10 * Stopwatch.Frequency / TimeSpan.TicksPerSecond));
            }
        }
        finally
        {
            _collecting.Exit();
        }
    }

    public void Dispose()
    {
        _background.Dispose();
        _team.Dispose();
    }

    private void CloseGate()
    {
        long start = Stopwatch.GetTimestamp();
        while (!heap.Gate.TryClose(options.Patience, out TracedCache* holdUp))
        {
            _heldUp++;
            if (Stopwatch.GetElapsedTime(start) > s_longestWait)
            {
                throw new TimeoutException(ScopeWatchdog.Describe(heap, holdUp, s_longestWait));
            }

            Thread.Sleep(1);
        }
    }

    // The gate is closed and no thread is in a scope.
    private void FinishClosed()
    {
        heap.Caches.ForEach(&FlushStale, heap);
        heap.Sweeper.Finish();
    }

    // The gate is closed and no thread is in a scope.
    private void RunClosed(bool flushAll)
    {
        long start = Stopwatch.GetTimestamp();
        try
        {
            // The cycle before must be swept to the end: its marks lie where this one's will.
            FinishClosed();
            long finished = Stopwatch.GetTimestamp();
            if (flushAll)
            {
                heap.Caches.ForEach(&Flush, heap);
            }

            uint plane = SweepGeneration.MarkPlane(heap.Sweeper.Generation);
            InterleavingPoints.At(InterleavingPoint.MarkingBegins);
            long marked = _team.Mark(heap, plane);
            InterleavingPoints.At(InterleavingPoint.MarkingEnded);
            long markEnd = Stopwatch.GetTimestamp();
            int stale = 0;
            if (!flushAll)
            {
                stale = heap.Caches.CountUsed();
            }

            heap.Sweeper.Advance(stale);
            if (flushAll)
            {
                heap.Caches.ForEach(&SetGeneration, heap);
            }

            heap.Pacer.BeginCycle(marked);
            _cycles++;
            LastTimes = new CycleTimes(Stopwatch.GetElapsedTime(start, finished), Stopwatch.GetElapsedTime(finished, markEnd), markEnd);
        }
        finally
        {
            LastPause = Stopwatch.GetElapsedTime(start);
            LongestPause = LastPause > LongestPause ? LastPause : LongestPause;
            heap.Gate.Open();
        }
    }

    private static void FlushStale(TracedHeap heap, TracedCache* cache)
    {
        if (cache->Generation != heap.Sweeper.Generation)
        {
            heap.Flush(cache);
        }
    }

    private static void Flush(TracedHeap heap, TracedCache* cache) => heap.Flush(cache);

    private static void SetGeneration(TracedHeap heap, TracedCache* cache) => cache->Generation = heap.Sweeper.Generation;
}
