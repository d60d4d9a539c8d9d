using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.ExceptionServices;
using SpanHeap.Os;
using SpanHeap.Traced.Gating;
using SpanHeap.Traced.Pacing;
using SpanHeap.Traced.Spans;
using SpanHeap.Traced.Sweeping;

namespace SpanHeap.Traced.Collecting;

/// <summary>
/// Runs a collection that marks while threads go on, on whatever thread has the <see cref="CollectionTurn"/>. The gate closes twice: to begin, and to end
/// after the marker has found nothing left. It closes once more if there are many weak handles and clean-ups, which are looked at in between.
/// </summary>
/// <remarks>
/// Used by the thread that has the turn, from before the beginning to the end; it may pass the turn on between these. If a thread needs the heap as a whole,
/// or the heap has grown too much meanwhile, the rest is marked while the gate is closed. Any thread may ask whether one is on.
/// </remarks>
internal sealed unsafe class ConcurrentCycle(
    CollectionTurn turn, CollectionCycle cycle, MarkPhase marking, Gate gate, Pacer pacer, TracedSpanSource spans, HeldUpReports heldUp)
{
    // The pages that are looked at between two looks at whether anybody waits: some hundreds of microseconds.
    private const uint PagesBetweenLooks = 256;

    // The pages that are looked at while the gate is closed to find out whether marking has ended: some tens of microseconds.
    private const uint PagesWhileClosed = 16;

    private CollectionReason _reason;

    // Why marking cannot go on. The marks can be removed only while the gate is closed.
    private ExceptionDispatchInfo? _failure;

    // Written by the thread that has the turn, read by any thread.
    private bool _isOn;

    /// <summary>Whether one has begun and not ended. The thread that began it may have given up waiting for its end.</summary>
    public bool IsOn => Volatile.Read(ref _isOn);

    private bool IsHurried => turn.IsUrgent || pacer.IsBehind;

    /// <summary>Begins, and opens the gate whatever happens. The gate is closed.</summary>
    /// <param name="reason">Why the heap is collected.</param>
    /// <returns>
    /// False if the heap has been collected with the gate closed instead: the first block that needs this may have been made since the collection was wanted.
    /// </returns>
    /// <exception cref="OutOfMemoryException">There is no memory for the marker. Nothing has changed.</exception>
    public bool TryBegin(CollectionReason reason)
    {
        if (spans.NeedExactBits)
        {
            cycle.Run(reason, flushAll: true);
            return false;
        }

        _reason = reason;
        Volatile.Write(ref _isOn, true);
        try
        {
            cycle.BeginConcurrent();
            return true;
        }
        catch
        {
            Volatile.Write(ref _isOn, false);
            throw;
        }
    }

    /// <summary>Marks what is left and ends, however long a scope keeps it from ending. On a thread of the library.</summary>
    public void Complete() => Complete(isCalled: false);

    /// <summary>The same for a thread of the program, which waits no longer than <see cref="CollectionTurn.LongestWait"/> for a scope.</summary>
    /// <exception cref="TimeoutException">A thread has kept its scope open all the time; the message names it. It is on still.</exception>
    /// <exception cref="ThreadInterruptedException">The calling thread was interrupted while it waited. It is on still.</exception>
    public void CompleteInTime() => Complete(isCalled: true);

    /// <summary>
    /// Closes the gate, repeatedly until no thread is in a scope, in a way that keeps others out for a small part of the time only. On a thread of the library.
    /// </summary>
    /// <param name="mayGiveUp">Whether to give up when another thread waits for the turn.</param>
    /// <returns>False if it was given up.</returns>
    public bool TryCloseGate(bool mayGiveUp)
    {
        TimeSpan wanted = turn.Patience.First;
        while (true)
        {
            bool isWanted = turn.IsWanted;
            TimeSpan patience = isWanted ? wanted : turn.Patience.At(pacer.Overshoot);
            if (gate.TryClose(patience, out TracedCache* holdUp))
            {
                return true;
            }

            TimeSpan rest = isWanted ? patience : turn.Patience.RestAfter(patience, pacer.Overshoot);
            heldUp.Note(holdUp, cycle.Count, patience, rest);
            if (mayGiveUp && turn.IsWanted)
            {
                return false;
            }

            InterleavingPoints.Spin(InterleavingPoint.ScopesAwaited);
            Rest(rest, isWanted);
            wanted = turn.Patience.After(wanted);
        }
    }

    private void Complete(bool isCalled)
    {
        if (!cycle.IsTakingDead)
        {
            long closedAt = MarkToTheEnd(isCalled);
            if (!TryBeginTakingDead(closedAt))
            {
                End(closedAt);
                return;
            }
        }

        // A thread that takes the turn over takes what the one before has left.
        TakeDead();
        CloseGate(isCalled);
        End(Stopwatch.GetTimestamp());
    }

    // Returns with the gate closed, and when it was closed.
    private long MarkToTheEnd(bool isCalled)
    {
        while (true)
        {
            while (!TryMark(PagesBetweenLooks) && !IsHurried)
            {
            }

            InterleavingPoints.At(InterleavingPoint.MarkingEnding);

            // Threads whose scopes are waited for must not wait for the marker.
            marking.EndWaiting();
            CloseGate(isCalled);
            long closedAt = Stopwatch.GetTimestamp();
            if (IsHurried ? TryMarkAll() : TryMark(PagesWhileClosed))
            {
                return closedAt;
            }

            // Threads have shaded blocks that lead to many others.
            cycle.OpenGate(closedAt);
        }
    }

    private void CloseGate(bool isCalled)
    {
        if (isCalled)
        {
            turn.CloseGate(Stopwatch.GetTimestamp());
        }
        else
        {
            TryCloseGate(mayGiveUp: false);
        }
    }

    // Opens the gate if there are many records to look at. Otherwise it stays closed.
    private bool TryBeginTakingDead(long closedAt)
    {
        if (_failure != null)
        {
            return false;
        }

        try
        {
            cycle.CompleteConcurrent(closedAt);
        }
        catch
        {
            Reset();
            throw;
        }

        if (marking.HasManyRecords)
        {
            cycle.BeginTakingDead(closedAt);
        }

        return cycle.IsTakingDead;
    }

    private void TakeDead() => TryStep(() =>
    {
        cycle.TakeDead();
        return true;
    });

    // Opens the gate, which is closed.
    private void End(long closedAt)
    {
        ExceptionDispatchInfo? failure = _failure;
        try
        {
            if (failure == null)
            {
                cycle.EndConcurrent(_reason, flushAll: _reason != CollectionReason.Growth, closedAt);
                return;
            }

            cycle.AbandonConcurrent(closedAt);
        }
        finally
        {
            Reset();
        }

        failure.Throw();
    }

    private void Reset()
    {
        _failure = null;
        Volatile.Write(ref _isOn, false);
    }

    // Whether nothing is left to mark, or marking has failed.
    private bool TryMark(uint pages) => _failure != null || TryStep(() => marking.TryMarkConcurrent(pages));

    // Marks all that is left, while the gate is closed.
    private bool TryMarkAll() => _failure != null || TryStep(() =>
    {
        marking.MarkAllConcurrent();
        return true;
    });

    [SuppressMessage("Design", "CA1031:Do not catch general exception types", Justification = "It is thrown once the marks are removed.")]
    private bool TryStep(Func<bool> step)
    {
        try
        {
            return step();
        }
        catch (Exception failure)
        {
            _failure = ExceptionDispatchInfo.Capture(failure);
            return true;
        }
    }

    // Other threads go on, but not for long once a thread waits for the turn.
    private void Rest(TimeSpan time, bool isWanted)
    {
        long start = Stopwatch.GetTimestamp();
        do
        {
            Uninterrupted.Sleep(milliseconds: 1);
        }
        while (Stopwatch.GetElapsedTime(start) < time && turn.IsWanted == isWanted);
    }
}
