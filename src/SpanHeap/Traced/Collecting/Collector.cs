using System.Diagnostics.CodeAnalysis;
using SpanHeap.Traced.Gating;
using SpanHeap.Traced.Marking;
using SpanHeap.Traced.Pacing;
using SpanHeap.Traced.Spans;
using SpanHeap.Traced.Sweeping;

namespace SpanHeap.Traced.Collecting;

/// <summary>
/// Collects because the program asked for it, because the heap has grown, or because the heap is idle. Sweeping follows while threads go on.
/// </summary>
/// <remarks>Thread safe: one collection at a time, on the thread that asked or needed it.</remarks>
internal sealed unsafe class Collector(
    CollectionTurn turn, CollectionCycle cycle, ConcurrentCollection? concurrent, Gate gate, Pacer pacer, Sweeper sweeper, TracedSpanSource spans, ScopeWatchdog watchdog, HeldUpReports heldUp, BackgroundSweeper background)
{
    /// <summary>Sweeps after a collection; exposed so that it can be paused.</summary>
    public BackgroundSweeper Background => background;

    /// <summary>The number of collections completed.</summary>
    public long Cycles => cycle.Count;

    /// <summary>How many of them were minor.</summary>
    public long MinorCycles => cycle.Minors;

    /// <inheritdoc cref="CollectionCycle.BytesSinceMajor"/>
    public long BytesSinceMajor => cycle.BytesSinceMajor;

    /// <inheritdoc cref="CollectionTurn.HeldUp"/>
    public long HeldUp => turn.HeldUp;

    /// <inheritdoc cref="CollectionTurn.LongestWait"/>
    public TimeSpan LongestWait
    {
        get => turn.LongestWait;
        set => turn.LongestWait = value;
    }

    public CollectionPauses Pauses => cycle.Pauses;

    /// <summary>How long the parts of the last collection took.</summary>
    public CycleTimes LastTimes => cycle.LastTimes;

    /// <summary>What the last collection did; null before the first.</summary>
    public CollectionInfo? Last => cycle.Last;

    /// <summary>Called without any lock when a due collection was held up. Set when the heap is made.</summary>
    public Action<CollectionHeldUpEventArgs>? OnHeldUp { get; set; }

    /// <summary>Marks now; sweeping follows later. The calling thread is in no scope.</summary>
    /// <exception cref="TimeoutException">A thread has kept its scope open all the time; the message names it.</exception>
    public void Collect()
    {
        long start = turn.Take();
        try
        {
            background.ThrowFailure();
            if (concurrent == null || !concurrent.TryCollect(start))
            {
                turn.CloseGate(start);
                cycle.Run(CollectionReason.Induced, flushAll: true);
            }
        }
        finally
        {
            turn.Return();
        }
    }

    /// <summary>Sweeps all that the last collection left. The calling thread is in no scope.</summary>
    /// <exception cref="TimeoutException">A thread has kept its scope open all the time; the message names it.</exception>
    public void FinishSweeping()
    {
        // Most is swept while threads go on; what their caches still hold can be given back only by them or while the gate is closed.
        sweeper.SweepAll();

        long start = turn.Take();
        try
        {
            turn.CloseGate(start);
            try
            {
                cycle.Finish();
            }
            finally
            {
                gate.Open();
            }
        }
        finally
        {
            turn.Return();
        }
    }

    /// <summary>
    /// Collects because the heap is idle, or begins to. Runs on a thread of the library: an exception is kept for the next thread that collects.
    /// </summary>
    /// <returns>False if the heap could not be collected now.</returns>
    [SuppressMessage("Design", "CA1031:Do not catch general exception types", Justification = "It is kept for the next thread that collects.")]
    public bool TryCollectIdle()
    {
        if (!turn.TryTake())
        {
            return false;
        }

        try
        {
            if (!gate.TryClose(TimeSpan.Zero, out _))
            {
                return false;
            }

            if (concurrent != null && !spans.NeedExactBits && concurrent.TryBegin(CollectionReason.Idle))
            {
                gate.Open();
                return true;
            }

            cycle.Run(CollectionReason.Idle, flushAll: true);
            return true;
        }
        catch (Exception failure)
        {
            background.Keep(failure);
            return false;
        }
        finally
        {
            turn.Return();
        }
    }

    /// <summary>Collects because the heap has grown, if no other thread does and no scope is in the way, or begins to. The calling thread is in no scope.</summary>
    public void TryCollectDue()
    {
        if (concurrent is { IsUnderWay: true })
        {
            AwaitConcurrent();
        }
        else if (!heldUp.IsResting && turn.TryTake())
        {
            try
            {
                CollectDue();
            }
            finally
            {
                turn.Return();
            }
        }

        Report(heldUp.Take());
    }

    /// <inheritdoc cref="ConcurrentCollection.AwaitEnd"/>
    public void AwaitEnd() => concurrent?.AwaitEnd();

    /// <summary>
    /// Reports the calling thread's scope if it holds up a collection that is long due: for a thread that only enters nested scopes, and so never
    /// gets to where collections begin.
    /// </summary>
    public void ReportOwnScope(TracedCache* cache)
    {
        if (!pacer.IsOutgrown || !turn.TryTake())
        {
            return;
        }

        CollectionHeldUpEventArgs? report;
        try
        {
            report = watchdog.TryReport(cache, Cycles, TimeSpan.Zero);
            if (report != null)
            {
                turn.NoteHeldUp();
            }
        }
        finally
        {
            turn.Return();
        }

        Report(report);
    }

    // The calling thread has the turn.
    private void CollectDue()
    {
        if (!pacer.IsDue)
        {
            return;
        }

        background.ThrowFailure();
        bool needsAll = spans.NeedExactBits || pacer.HasRefused;
        if (concurrent != null && !needsAll && pacer.HasRoomToMark && !cycle.WantsMinor && concurrent.TryBegin(CollectionReason.Growth))
        {
            return;
        }

        RunClosed(pacer.DueReason, needsAll);
    }

    // Collects while the gate is closed. The calling thread has the turn.
    private void RunClosed(CollectionReason reason, bool flushAll)
    {
        TimeSpan patience = turn.Patience.At(pacer.Overshoot);
        if (gate.TryClose(patience, out TracedCache* holdUp))
        {
            cycle.Run(reason, flushAll);
            return;
        }

        heldUp.Note(holdUp, Cycles, patience, turn.Patience.RestAfter(patience, pacer.Overshoot));
    }

    // A collection is under way that marks while threads go on. Once the heap has grown too much, it ends while they are kept out; if its thread has not
    // begun yet, the calling thread collects. What it leaves may be too much for a limit, because it keeps what has died since it began: then one more
    // collection follows, by the first of the threads that have waited.
    private void AwaitConcurrent()
    {
        if (!pacer.IsBehind || heldUp.IsResting)
        {
            return;
        }

        bool isLimit = pacer.DueReason == CollectionReason.MemoryLimit;
        long cycles = Cycles;
        TimeSpan patience = turn.Patience.At(pacer.Overshoot);
        if (!turn.TryTake(patience, isUrgent: true))
        {
            // A scope keeps it from ending, which must not keep this thread from going on.
            heldUp.Rest(turn.Patience.RestAfter(patience, pacer.Overshoot));
            return;
        }

        try
        {
            if (pacer.IsDue || (isLimit && Cycles <= cycles + 1))
            {
                RunClosed(isLimit ? CollectionReason.MemoryLimit : CollectionReason.Growth, flushAll: isLimit);
            }
        }
        finally
        {
            turn.Return();
        }
    }

    private void Report(CollectionHeldUpEventArgs? report)
    {
        if (report != null)
        {
            OnHeldUp?.Invoke(report);
        }
    }
}
