using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using SpanHeap.Caches;
using SpanHeap.Os;
using SpanHeap.Sweeping;

namespace SpanHeap.Tracing;

/// <summary>
/// Collects: closes the gate, marks what roots reach, lets the generation grow, opens the gate. Sweeping follows while threads go on.
/// </summary>
/// <remarks>Thread safe: one collection at a time, on the thread that asked or needed it.</remarks>
internal sealed unsafe partial class Collector(TracedHeap heap, HeapCore core, TracingOptions options) : IDisposable
{
    private readonly Lock _collecting = new();
    private readonly MarkTeam _team = new(core.Os, core.Metadata, options.MarkThreads);
    private readonly BackgroundSweeper _background = new(heap.Sweeper);
    private readonly GatePatience _patience = new(options.Patience, options.LongestPatience);

    private long _cycles;
    private long _heldUp;
    private CollectionInfo? _last;

    /// <summary>A collection that somebody asked for is given up when scopes, or other collections, have kept it from beginning for so long.</summary>
    public TimeSpan LongestWait { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Sweeps behind; for who wants it to wait.</summary>
    public BackgroundSweeper Background => _background;

    /// <summary>Collections completed.</summary>
    public long Cycles => Volatile.Read(ref _cycles);

    /// <summary>Attempts given up because a thread did not leave its scope.</summary>
    public long HeldUp => Volatile.Read(ref _heldUp);

    /// <summary>How long threads were kept out in the last collection.</summary>
    public TimeSpan LastPause { get; private set; }

    /// <summary>The longest of them.</summary>
    public TimeSpan LongestPause { get; private set; }

    /// <summary>All of them together.</summary>
    public TimeSpan TotalPause { get; private set; }

    /// <summary>How long the parts of the last collection took.</summary>
    public CycleTimes LastTimes { get; private set; }

    /// <summary>What the last collection did; null before the first.</summary>
    public CollectionInfo? Last => Volatile.Read(ref _last);

    /// <summary>Marks now; sweeping goes on behind. The calling thread is in no scope.</summary>
    /// <exception cref="TimeoutException">A thread has kept its scope open all the time; the message names it.</exception>
    public void Collect()
    {
        long start = BeginAsked();
        try
        {
            _background.ThrowFailure();
            CloseGate(start);
            RunClosed(CollectionReason.Asked, flushAll: true);
        }
        finally
        {
            _collecting.Exit();
        }
    }

    /// <summary>Sweeps all that the last collection left. The calling thread is in no scope.</summary>
    /// <exception cref="TimeoutException">A thread has kept its scope open all the time; the message names it.</exception>
    public void FinishSweeping()
    {
        // Most of it while threads go on; what their caches still have only they or the closed gate can give back.
        heap.Sweeper.SweepAll();

        long start = BeginAsked();
        try
        {
            CloseGate(start);
            try
            {
                FinishClosed();
            }
            finally
            {
                heap.Gate.Open();
            }
        }
        finally
        {
            _collecting.Exit();
        }
    }

    /// <summary>Collects because nobody uses the heap. On a thread of the pool: what goes wrong is for the next who collects.</summary>
    [SuppressMessage("Design", "CA1031:Do not catch general exception types", Justification = "It is kept for who can be told.")]
    public void TryCollectIdle()
    {
        if (!_collecting.TryEnter())
        {
            return;
        }

        try
        {
            if (heap.Gate.TryClose(TimeSpan.Zero, out _))
            {
                RunClosed(CollectionReason.Idle, flushAll: true);
            }
        }
        catch (Exception failure)
        {
            _background.Keep(failure);
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

    // Takes the lock; returns when waiting began. Who has it may be waiting for a scope himself.
    private long BeginAsked()
    {
        long start = Stopwatch.GetTimestamp();
        TimeSpan longest = LongestWait;
        InterleavingPoints.AwaitFree(InterleavingPoint.CollectorAwaited, _collecting);
        if (!_collecting.TryEnter(longest))
        {
            throw new TimeoutException(ScopeWatchdog.Describe(heap, heap.Caches.FindInScope(), longest));
        }

        return start;
    }

    private void CloseGate(long start)
    {
        TimeSpan longest = LongestWait;
        TimeSpan left = longest;
        TimeSpan patience = _patience.First;
        while (!heap.Gate.TryClose(patience < left ? patience : left, out TracedCache* holdUp))
        {
            _heldUp++;
            left = longest - Stopwatch.GetElapsedTime(start);
            if (left <= TimeSpan.Zero)
            {
                throw new TimeoutException(ScopeWatchdog.Describe(heap, holdUp, longest));
            }

            // The others go on for as long as they have waited.
            Thread.Sleep(patience < left ? patience : left);
            left = longest - Stopwatch.GetElapsedTime(start);
            patience = _patience.After(patience);
        }
    }

    // The gate is closed and no thread is in a scope.
    private void FinishClosed()
    {
        heap.Caches.ForEach(&FlushStale, heap);
        heap.Sweeper.Finish();
    }

    // The gate is closed and no thread is in a scope. Opens it.
    private void RunClosed(CollectionReason reason, bool flushAll)
    {
        long start = Stopwatch.GetTimestamp();
        long before = heap.Pacer.LiveBytes;
        long after;
        try
        {
            // The cycle before must be swept to the end: its marks lie where this one's will.
            FinishClosed();
            long finished = Stopwatch.GetTimestamp();
            if (flushAll)
            {
                heap.Caches.ForEach(&Flush, heap);
            }

            after = MarkAndAdvance(MarkPlane, isLed: false, flushAll, finished);
            LastTimes = LastTimes with { Finishing = Stopwatch.GetElapsedTime(start, finished) };
        }
        finally
        {
            OpenGate(start);
        }

        GoOn(reason, before, after);
    }

    // The gate is closed, and all is swept. Unless the program leads and has marked collectable blocks, all of those live.
    private long MarkAndAdvance(uint plane, bool isLed, bool isFlushed, long start)
    {
        long marked;
        try
        {
            heap.Checks.BeforeMarking();
            InterleavingPoints.At(InterleavingPoint.MarkingBegins);
            marked = isLed ? _sessionBytes : heap.Collectables.MarkAll(plane);
            marked += _team.Mark(heap, plane);
            InterleavingPoints.At(InterleavingPoint.MarkingEnded);
            heap.Checks.AfterMarking(plane, marked);
        }
        catch
        {
            // What a trace function threw it may throw again: so that not every scope begins with it.
            heap.Collectables.Unmark(plane);
            heap.Pacer.PutOff();
            throw;
        }

        long markEnd = Stopwatch.GetTimestamp();

        // Marks are complete, and nothing can go wrong any more. Weak handles come first: no clean-up finds its block by one.
        heap.WeakHandles.ClearDead(plane);
        heap.CleanUps.TakeDead(plane, heap.CleanUpQueue);
        InterleavingPoints.At(InterleavingPoint.RecordsTaken);
        heap.Sweeper.Advance(isFlushed ? 0 : heap.Caches.CountUsed());
        if (isFlushed)
        {
            heap.Caches.ForEach(&SetGeneration, heap);
        }

        // What caches took since they last told is in what was marked, as far as it lives.
        heap.Caches.ForgetTaken();
        heap.Pacer.BeginCycle(marked);
        _cycles++;
        LastTimes = new CycleTimes(default, Stopwatch.GetElapsedTime(start, markEnd), markEnd);
        return marked;
    }

    private void OpenGate(long closedAt)
    {
        LastPause = Stopwatch.GetElapsedTime(closedAt);
        LongestPause = LastPause > LongestPause ? LastPause : LongestPause;
        TotalPause += LastPause;
        heap.Gate.Open();
        _team.Trim();
    }

    // Who has to do with what died, and who wants to know. By who has the lock; the gate is open again.
    private void GoOn(CollectionReason reason, long before, long after)
    {
        CollectionInfo done = new(
            _cycles, reason, before, after, heap.Pacer.GoalBytes, LastTimes.Finishing, LastTimes.Marking, LastPause, _team.LastMarkers);
        Volatile.Write(ref _last, done);
        if (!options.ByHand)
        {
            _background.Wake();
            heap.CleanUpQueue.Wake();
        }

        if (options.WritesTrace)
        {
            // The gate is open: whoever entered a scope, or waits for what follows, has nothing to do with a reader who went away.
            ErrorStream.WriteLine(CollectionTrace.Line(heap.Name, done));
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
