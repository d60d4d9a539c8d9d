using System.Diagnostics;
using SpanHeap.Heap;
using SpanHeap.Os;
using SpanHeap.Traced.CleanUps;
using SpanHeap.Traced.Contract;
using SpanHeap.Traced.Gating;
using SpanHeap.Traced.Marking;
using SpanHeap.Traced.Pacing;
using SpanHeap.Traced.Sweeping;

namespace SpanHeap.Traced.Collecting;

/// <summary>Runs a collection once the gate is closed: finishes the previous sweep, marks, advances the generation and opens the gate.</summary>
/// <remarks>Used by the thread that has the <see cref="CollectionTurn"/>. Any thread reads the figures.</remarks>
internal sealed class CollectionCycle(
    HeapIdentity heap, Gate gate, TracedCaches caches, CacheFlush flush, Sweeper sweeper, MarkPhase marking, Pacer pacer, MinorChoice minors, BackgroundSweeper background, CleanUpQueue cleanUps, DeadSpanQuarantine? quarantine, BlockFrees manualFrees, TracingOptions options)
{
    private long _count;
    private long _minors;
    private bool _isMinor;
    private CollectionInfo? _last;

    // Of the collection that is under way: when marking while threads go on began, 0 for none; the bytes that lived before; and the longest pause so far.
    private long _concurrentSince;
    private long _before;
    private TimeSpan _longestPause;

    // Of one that marked while threads went on: the bytes that were marked.
    private long _marked;

    /// <summary>The number of collections completed.</summary>
    public long Count => Volatile.Read(ref _count);

    /// <summary>How many of them were minor.</summary>
    public long Minors => Volatile.Read(ref _minors);

    /// <summary>The bytes taken since the last major collection marked.</summary>
    public long BytesSinceMajor => pacer.BytesTaken + minors.MadeBeforeMinors;

    /// <summary>What the last collection did; null before the first.</summary>
    public CollectionInfo? Last => Volatile.Read(ref _last);

    /// <summary>How long the parts of the last collection took.</summary>
    public CycleTimes LastTimes { get; private set; }

    /// <summary>
    /// Whether marks are complete, and the records of dead blocks are dropped while threads go on; false again when the next collection begins. For the thread that
    /// has the turn.
    /// </summary>
    public bool IsTakingDead { get; private set; }

    public CollectionPauses Pauses { get; } = new();

    /// <summary>Sweeps all that the previous cycle has left. The gate is closed.</summary>
    public void Finish()
    {
        flush.FlushStale();
        sweeper.Finish();
    }

    /// <summary>Sweeps all that the previous cycle has left, and takes back what caches hold. The gate is closed.</summary>
    public void FinishAndFlush()
    {
        Finish();
        flush.FlushAll();
    }

    /// <summary>Whether a collection that is due because of growth would be minor.</summary>
    public bool WantsMinor => !pacer.WantsMajor && marking.CanBeMinor && minors.WantsMinor;

    /// <summary>Collects, and opens the gate whatever happens. The gate is closed.</summary>
    public void Run(CollectionReason reason, bool flushAll)
    {
        long start = Begin();
        long after;
        try
        {
            // The previous cycle must be swept completely: its marks lie where this one's will.
            Finish();
            long finished = Stopwatch.GetTimestamp();
            _isMinor = reason == CollectionReason.Growth && !flushAll && WantsMinor;
            if (flushAll)
            {
                flush.FlushAll();
            }

            after = MarkAndAdvance(marked: null, flushAll, finished);
            LastTimes = LastTimes with { Finishing = Stopwatch.GetElapsedTime(start, finished) };
        }
        finally
        {
            OpenGate(start);
        }

        GoOn(reason, after);
    }

    /// <summary>Begins to mark while threads go on, and opens the gate whatever happens. The gate is closed.</summary>
    public void BeginConcurrent()
    {
        long start = Begin();
        try
        {
            Finish();
            _isMinor = false;
            long finished = Stopwatch.GetTimestamp();
            quarantine?.Freeze();
            try
            {
                marking.BeginConcurrent();
            }
            finally
            {
                quarantine?.Thaw();
            }

            _concurrentSince = finished;
            LastTimes = new CycleTimes(Stopwatch.GetElapsedTime(start, finished), default, finished);
        }
        finally
        {
            OpenGate(start);
        }
    }

    /// <summary>Ends to mark: all is marked. The gate is closed; it opens only if an exception comes out.</summary>
    /// <param name="closedAt">When the gate was closed, in Stopwatch ticks.</param>
    public void CompleteConcurrent(long closedAt)
    {
        quarantine?.Freeze();
        try
        {
            _marked = marking.EndConcurrent();
        }
        catch
        {
            OpenGate(closedAt);
            throw;
        }
        finally
        {
            quarantine?.Thaw();
        }
    }

    /// <summary>Lets threads go on while <see cref="TakeDead"/> runs, between <see cref="CompleteConcurrent"/> and the end. The gate is closed.</summary>
    /// <param name="closedAt">When the gate was closed, in Stopwatch ticks.</param>
    public void BeginTakingDead(long closedAt)
    {
        marking.BeginTakingDead();
        IsTakingDead = true;
        OpenGate(closedAt);
        InterleavingPoints.At(InterleavingPoint.RecordsJudged);
    }

    /// <summary>Drops the records of dead blocks while threads go on. The gate is closed once more for <see cref="EndConcurrent"/>.</summary>
    public void TakeDead() => marking.TakeDead();

    /// <summary>Ends the collection: marks are complete. It opens the gate whatever happens. The gate is closed.</summary>
    /// <param name="reason">Why the heap is collected.</param>
    /// <param name="flushAll">Whether to take back all that caches hold.</param>
    /// <param name="closedAt">When the gate was closed, in Stopwatch ticks.</param>
    public void EndConcurrent(CollectionReason reason, bool flushAll, long closedAt)
    {
        TimeSpan finishing = LastTimes.Finishing;
        long after;
        quarantine?.Freeze();
        try
        {
            long bytes = IsTakingDead ? marking.EndTakingDead(_marked) : _marked;
            if (flushAll)
            {
                flush.FlushAll();
            }

            after = Advance(bytes, flushAll, _concurrentSince);
            LastTimes = LastTimes with { Finishing = finishing };
        }
        finally
        {
            quarantine?.Thaw();
            OpenGate(closedAt);
        }

        GoOn(reason, after);
    }

    /// <summary>Gives up a collection that marks while threads go on, and opens the gate. The gate is closed.</summary>
    public void AbandonConcurrent(long closedAt)
    {
        quarantine?.Freeze();
        try
        {
            marking.AbandonConcurrent();
        }
        finally
        {
            quarantine?.Thaw();
            OpenGate(closedAt);
        }
    }

    /// <summary>
    /// Completes a mark session: collects after the program has marked collectable blocks. The gate is closed, and caches hold nothing.
    /// </summary>
    /// <param name="marked">The bytes that the program has marked.</param>
    /// <param name="closedAt">When the gate was closed, in Stopwatch ticks.</param>
    /// <param name="turn">The turn, whose session ends before the gate opens, whatever happens.</param>
    public void Complete(long marked, long closedAt, CollectionTurn turn)
    {
        Begin();
        long after;
        _isMinor = false;
        try
        {
            after = MarkAndAdvance(marked, isFlushed: true, closedAt);
        }
        finally
        {
            turn.Session = 0;
            OpenGate(closedAt);
        }

        GoOn(CollectionReason.MarkSession, after);
    }

    /// <summary>Opens the gate.</summary>
    /// <param name="closedAt">When it was closed, in Stopwatch ticks.</param>
    public void OpenGate(long closedAt)
    {
        TimeSpan pause = Stopwatch.GetElapsedTime(closedAt);
        Pauses.Note(pause);
        _longestPause = pause > _longestPause ? pause : _longestPause;
        gate.Open();
        marking.Trim();
    }

    private long Begin()
    {
        _before = pacer.LiveBytes;
        _longestPause = default;
        _concurrentSince = 0;
        IsTakingDead = false;
        return Stopwatch.GetTimestamp();
    }

    // Spans are walked, so none may go.
    private long MarkAndAdvance(long? marked, bool isFlushed, long start)
    {
        quarantine?.Freeze();
        try
        {
            return MarkAndAdvanceFrozen(marked, isFlushed, start);
        }
        finally
        {
            quarantine?.Thaw();
        }
    }

    private long MarkAndAdvanceFrozen(long? marked, bool isFlushed, long start) => Advance(marking.Mark(marked, _isMinor), isFlushed, start);

    // All that lives is marked.
    private long Advance(long bytes, bool isFlushed, long start)
    {
        NoteGenerations(bytes);
        long markEnd = Stopwatch.GetTimestamp();
        if (!IsTakingDead)
        {
            marking.TakeDead();
        }

        sweeper.Advance(isFlushed ? 0 : caches.CountUsed());
        if (isFlushed)
        {
            flush.Renew();
        }

        // What caches took since their last report is included in what was marked, as far as it lives.
        caches.ForgetTaken();
        pacer.BeginCycle(bytes, minors.MajorBytes, _concurrentSince != 0);
        Volatile.Write(ref _count, _count + 1);
        LastTimes = new CycleTimes(default, Stopwatch.GetElapsedTime(start, markEnd), markEnd);
        return bytes;
    }

    private void NoteGenerations(long bytes)
    {
        if (_isMinor)
        {
            minors.NoteMinor(pacer.BytesTaken, bytes);
            Volatile.Write(ref _minors, _minors + 1);
        }
        else
        {
            minors.NoteMajor(pacer.BytesTaken, bytes);
        }
    }

    // Notifies the parts that depend on dead blocks, and event handlers. The gate is open again.
    private void GoOn(CollectionReason reason, long after)
    {
        CollectionInfo done = new(
            _count, reason, _before, after, pacer.GoalBytes, LastTimes.Finishing, LastTimes.Marking, _longestPause, _concurrentSince != 0 ? marking.LastConcurrentMarkers : marking.LastMarkers)
        {
            IsMinor = _isMinor,
            IsConcurrent = _concurrentSince != 0,
        };
        Volatile.Write(ref _last, done);
        if (quarantine != null)
        {
            // What dies stays in quarantine until the heap is idle.
            manualFrees.NoteActivity();
        }

        if (!options.ByHand)
        {
            background.Wake();
            cleanUps.Wake();
        }

        if (options.WritesTrace)
        {
            // The gate is open, and a closed error stream must not affect threads that entered a scope or wait for what follows.
            ErrorStream.WriteLine(CollectionTrace.Line(heap.Name, done));
        }
    }
}
