using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using SpanHeap.Os;
using SpanHeap.Traced.Marking;
using SpanHeap.Traced.Pacing;
using SpanHeap.Traced.Spans;
using SpanHeap.Traced.Sweeping;

namespace SpanHeap.Traced.Collecting;

/// <summary>
/// Decides which thread runs a collection that marks while threads go on (<see cref="ConcurrentCycle"/>): the thread that asked for it; one of the threads
/// that the process's heaps share if the heap has grown or is idle, or if the thread that asked has waited too long for its end.
/// </summary>
/// <remarks>Thread safe. The thread has the <see cref="CollectionTurn"/> from before the beginning to the end.</remarks>
internal sealed class ConcurrentCollection(
    CollectionTurn turn, ConcurrentCycle course, Pacer pacer, Sweeper sweeper, TracedSpanSource spans, BackgroundSweeper background)
{
    // 1 from when a thread is wanted until it has ended. Set by the thread that has the turn, cleared by the one that collects.
    private int _isWanted;

    // 1 once none may begin. Never cleared.
    private int _isStopped;

    /// <summary>Whether a collection is under way, or about to begin on a thread of the library.</summary>
    public bool IsUnderWay => Volatile.Read(ref _isWanted) != 0 || course.IsOn;

    private bool IsStopped => Volatile.Read(ref _isStopped) != 0;

    /// <summary>Collects on the calling thread, which has the turn and is in no scope: what is unreachable by now is found, as far as no thread goes on.</summary>
    /// <param name="start">When waiting for the turn began, in Stopwatch ticks.</param>
    /// <returns>False if threads must be kept out while the heap is marked; nothing has changed.</returns>
    /// <exception cref="TimeoutException">
    /// A thread has kept its scope open all the time; the message names it. If the heap is marked already, a thread of the library ends the collection.
    /// </exception>
    public bool TryCollect(long start)
    {
        if (spans.NeedExactBits || !pacer.HasRoomToMark || IsStopped)
        {
            return false;
        }

        // What is left to sweep is swept before threads are kept out, and is no wait for a scope.
        long sweepStart = Stopwatch.GetTimestamp();
        sweeper.SweepAll();
        turn.CloseGate(start + Stopwatch.GetTimestamp() - sweepStart);
        try
        {
            if (!course.TryBegin(CollectionReason.Induced))
            {
                return true;
            }
        }
        catch (OutOfMemoryException)
        {
            return false;
        }

        try
        {
            course.CompleteInTime();
        }
        catch
        {
            // One that has failed is not on any more; one whose end a scope keeps from coming is.
            if (!course.IsOn || TryPassOn())
            {
                throw;
            }

            // The system gives no thread that could wait instead.
            course.Complete();
        }

        return true;
    }

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

        if (IsStopped)
        {
            return false;
        }

        Volatile.Write(ref _isWanted, 1);
        bool begun = TryStart(() => Run(reason));
        if (!begun)
        {
            Volatile.Write(ref _isWanted, 0);
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
        if (turn.TryTake(turn.LongestWait, isUrgent: true))
        {
            turn.Return();
        }

        TryAwaitEnd(TimeSpan.MaxValue);
    }

    private static bool TryStart(Action work)
    {
        bool begun = false;
        InterleavingPoints.Fork("concurrent collection", work, ref begun);
        try
        {
            if (!begun && MarkHelpers.TryTake() is { } thread)
            {
                thread.StartAlone(work);
                begun = true;
            }
        }
        catch (OutOfMemoryException)
        {
            // As if the system gave no thread.
        }

        return begun;
    }

    private bool TryAwaitEnd(TimeSpan longest)
    {
        using CollectionTurn.Wish wish = turn.WishFor(isUrgent: true);
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

    // Lets a thread of the library end a collection, which gets the turn when the calling thread returns it. False if the system gives none.
    private bool TryPassOn()
    {
        bool begun = TryStart(CompleteForAnother);
        if (begun)
        {
            turn.PassOn();
        }

        return begun;
    }

    [SuppressMessage("Design", "CA1031:Do not catch general exception types", Justification = "It is kept for the next thread that collects.")]
    private void CompleteForAnother()
    {
        turn.TakeOver();
        try
        {
            course.Complete();
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
            Volatile.Write(ref _isWanted, 0);
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
        if (course.TryCloseGate(mayGiveUp: true) && course.TryBegin(reason))
        {
            course.Complete();
        }
    }
}
