using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using SpanHeap.Os;
using SpanHeap.Traced.Gating;
using SpanHeap.Traced.Marking;
using SpanHeap.Traced.Pacing;
using SpanHeap.Traced.Spans;
using SpanHeap.Traced.Sweeping;

namespace SpanHeap.Traced.Collecting;

/// <summary>
/// Runs a collection that marks while threads go on, on one of the threads that the process's heaps share. The gate closes twice: to begin, and to end after
/// the marker has found nothing left.
/// </summary>
/// <remarks>
/// Thread safe. The thread has the <see cref="CollectionTurn"/> from before the beginning to the end. If another thread waits for the turn, or the heap has
/// grown too much meanwhile, the rest is marked while the gate is closed.
/// </remarks>
internal sealed unsafe class ConcurrentCollection(
    CollectionTurn turn, CollectionCycle cycle, MarkPhase marking, Gate gate, Pacer pacer, Sweeper sweeper, TracedSpanSource spans, HeldUpReports heldUp, BackgroundSweeper background)
{
    // The pages that are looked at between two looks at whether anybody waits: some hundreds of microseconds.
    private const uint PagesBetweenLooks = 256;

    // The pages that are looked at while the gate is closed to find out whether marking has ended: some tens of microseconds.
    private const uint PagesWhileClosed = 16;

    // 1 from when a thread is wanted until it has ended. Set by the thread that has the turn, cleared by the one that collects.
    private int _isUnderWay;

    // 1 once none may begin. Never cleared.
    private int _isStopped;

    /// <summary>Whether a collection is under way, or about to begin.</summary>
    public bool IsUnderWay => Volatile.Read(ref _isUnderWay) != 0;

    private bool IsHurried => turn.IsWanted || pacer.IsBehind;

    /// <summary>
    /// Begins a collection on another thread, unless one is under way. Called by the thread that has the turn, which returns it soon.
    /// </summary>
    /// <param name="reason">Why the heap is collected.</param>
    /// <returns>False if the system gives no thread, or the heap is being disposed.</returns>
    public bool TryBegin(CollectionReason reason)
    {
        if (IsUnderWay)
        {
            return true;
        }

        if (Volatile.Read(ref _isStopped) != 0)
        {
            return false;
        }

        Volatile.Write(ref _isUnderWay, 1);
        bool begun = false;
        try
        {
            InterleavingPoints.Fork("concurrent collection", () => Run(reason), ref begun);
            if (!begun && MarkHelpers.TryTake() is { } thread)
            {
                thread.StartAlone(() => Run(reason));
                begun = true;
            }
        }
        finally
        {
            if (!begun)
            {
                Volatile.Write(ref _isUnderWay, 0);
            }
        }

        return begun;
    }

    /// <summary>Waits until no collection is under way; one that is ends soon. The calling thread is in no scope.</summary>
    /// <exception cref="TimeoutException">A thread has kept its scope open all the time; the message names it.</exception>
    public void AwaitEnd()
    {
        if (!TryAwaitEnd(turn.LongestWait))
        {
            turn.ThrowTimeout();
        }
    }

    /// <summary>Waits until no collection is under way; none begins any more. No thread stays in a scope.</summary>
    public void Stop()
    {
        Volatile.Write(ref _isStopped, 1);

        // A thread that has the turn may have looked before.
        if (turn.TryTake(turn.LongestWait))
        {
            turn.Return();
        }

        TryAwaitEnd(TimeSpan.MaxValue);
    }

    private bool TryAwaitEnd(TimeSpan longest)
    {
        using CollectionTurn.Wish wish = turn.WishFor();
        long start = Stopwatch.GetTimestamp();
        while (IsUnderWay)
        {
            InterleavingPoints.Await(InterleavingPoint.CollectorAwaited, () => !IsUnderWay);
            if (Stopwatch.GetElapsedTime(start) >= longest)
            {
                return false;
            }

            Uninterrupted.Sleep(milliseconds: 1);
        }

        return true;
    }

    [SuppressMessage("Design", "CA1031:Do not catch general exception types", Justification = "It is kept for the next thread that collects.")]
    private void Run(CollectionReason reason)
    {
        try
        {
            // A session that takes longer than the wait leaves the heap due.
            if (turn.TryTake(turn.LongestWait))
            {
                try
                {
                    RunInTurn(reason);
                }
                finally
                {
                    turn.Return();
                }
            }
        }
        catch (Exception failure)
        {
            background.Keep(failure);
        }
        finally
        {
            Volatile.Write(ref _isUnderWay, 0);
        }
    }

    private void RunInTurn(CollectionReason reason)
    {
        if (reason == CollectionReason.Growth && !pacer.IsDue)
        {
            return;
        }

        // What is left to sweep is swept before threads are kept out.
        sweeper.SweepAll();
        if (!TryCloseGate(mayGiveUp: true))
        {
            return;
        }

        // The first block that needs it may have been made since the collection was wanted.
        if (spans.NeedExactBits)
        {
            cycle.Run(reason, flushAll: true);
            return;
        }

        cycle.BeginConcurrent();
        long closedAt;
        try
        {
            closedAt = MarkToTheEnd();
        }
        catch
        {
            TryCloseGate(mayGiveUp: false);
            cycle.AbandonConcurrent(Stopwatch.GetTimestamp());
            throw;
        }

        cycle.EndConcurrent(reason, flushAll: reason == CollectionReason.Idle, closedAt);
    }

    // Returns with the gate closed, and when it was closed.
    private long MarkToTheEnd()
    {
        while (true)
        {
            while (!marking.TryMarkConcurrent(PagesBetweenLooks) && !IsHurried)
            {
            }

            InterleavingPoints.At(InterleavingPoint.MarkingEnding);
            TryCloseGate(mayGiveUp: false);
            long closedAt = Stopwatch.GetTimestamp();
            if (IsHurried)
            {
                marking.MarkAllConcurrent();
                return closedAt;
            }

            if (marking.TryMarkConcurrent(PagesWhileClosed))
            {
                return closedAt;
            }

            // Threads have shaded blocks that lead to many others.
            cycle.OpenGate(closedAt);
        }
    }

    // Closes the gate, repeatedly until no thread is in a scope. Gives up, if it may, when another thread waits for the turn.
    private bool TryCloseGate(bool mayGiveUp)
    {
        TimeSpan wanted = turn.Patience.First;
        while (true)
        {
            // Threads whose scopes are waited for must not wait for the marker.
            marking.EndWaiting();
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
