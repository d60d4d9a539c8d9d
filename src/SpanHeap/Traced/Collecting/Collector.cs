using System.Diagnostics;
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
    CollectionTurn turn, CollectionCycle cycle, Gate gate, Pacer pacer, Sweeper sweeper, TracedSpanSource spans, ScopeWatchdog watchdog, BackgroundSweeper background)
{
    // When a due collection that threads in scopes held up may be tried again, in Stopwatch ticks.
    private long _retryAt;

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
            turn.CloseGate(start);
            cycle.Run(CollectionReason.Induced, flushAll: true);
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

    /// <summary>Collects because the heap is idle. Runs on a thread of the library: an exception is kept for the next thread that collects.</summary>
    [SuppressMessage("Design", "CA1031:Do not catch general exception types", Justification = "It is kept for the next thread that collects.")]
    public void TryCollectIdle()
    {
        if (!turn.TryTake())
        {
            return;
        }

        try
        {
            if (gate.TryClose(TimeSpan.Zero, out _))
            {
                cycle.Run(CollectionReason.Idle, flushAll: true);
            }
        }
        catch (Exception failure)
        {
            background.Keep(failure);
        }
        finally
        {
            turn.Return();
        }
    }

    /// <summary>Collects because the heap has grown, if no other thread does and no scope is in the way. The calling thread is in no scope.</summary>
    public void TryCollectDue()
    {
        if (Stopwatch.GetTimestamp() < Volatile.Read(ref _retryAt) || !turn.TryTake())
        {
            return;
        }

        CollectionHeldUpEventArgs? heldUp = null;
        try
        {
            if (!pacer.IsDue)
            {
                return;
            }

            background.ThrowFailure();

            double overshoot = pacer.Overshoot;
            TimeSpan patience = turn.Patience.At(overshoot);
            if (gate.TryClose(patience, out TracedCache* holdUp))
            {
                cycle.Run(pacer.DueReason, flushAll: spans.NeedExactBits || pacer.HasRefused);
            }
            else
            {
                // The next attempt comes after ten times the wait that failed, not at each scope. A heap at its limit is of no use until it is
                // collected, so it rests no longer than after the shortest wait.
                turn.NoteHeldUp();
                heldUp = watchdog.TryReport(holdUp, Cycles, patience);
                TimeSpan rest = 10 * (double.IsPositiveInfinity(overshoot) ? turn.Patience.First : patience);
                Volatile.Write(ref _retryAt, Stopwatch.GetTimestamp() + (rest.Ticks * Stopwatch.Frequency / TimeSpan.TicksPerSecond));
            }
        }
        finally
        {
            turn.Return();
        }

        Report(heldUp);
    }

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

        CollectionHeldUpEventArgs? heldUp;
        try
        {
            heldUp = watchdog.TryReport(cache, Cycles, TimeSpan.Zero);
            if (heldUp != null)
            {
                turn.NoteHeldUp();
            }
        }
        finally
        {
            turn.Return();
        }

        Report(heldUp);
    }

    private void Report(CollectionHeldUpEventArgs? heldUp)
    {
        if (heldUp != null)
        {
            OnHeldUp?.Invoke(heldUp);
        }
    }
}
