using System.Diagnostics;
using SpanHeap.Os;

namespace SpanHeap.Heap;

/// <summary>
/// Decides whose turn it is: that of a maintenance round, or of a thread that inspects the heap as a whole and keeps rounds from beginning.
/// </summary>
/// <remarks>
/// Thread safe, but not reentrant. This is not a lock: a turn may last as long as a step of a round, and a thread that waits for it yields. What is
/// done in one turn is visible in the next.
/// </remarks>
internal struct MaintenanceTurn
{
    private const int Free = 0;
    private const int Taken = 1;
    private const int Ended = 2;

    // Written only by compare-exchange, by any thread. Ended is final.
    private int _state;

    // The number of threads that wait for the turn, to which a round gives way. Interlocked, by any thread.
    private int _waiting;

    // Counts the turns, so that a round gives way to as many as waited and not to all who come. Written by the thread that has the turn.
    private int _turns;

    /// <summary>The number of threads that wait for the turn.</summary>
    public readonly int Waiting => Volatile.Read(in _waiting);

    /// <summary>Whether turns have ended.</summary>
    public readonly bool HasEnded => Volatile.Read(in _state) == Ended;

    /// <summary>Takes the turn if no thread has it and turns have not ended.</summary>
    public bool TryTake()
    {
        bool taken = Interlocked.CompareExchange(ref _state, Taken, Free) == Free;
        if (taken)
        {
            CountTurn();
        }

        return taken;
    }

    /// <summary>Takes the turn after the thread that has it. When turns have ended, there is nothing to take.</summary>
    public void Take()
    {
        if (MoveTo(Taken))
        {
            CountTurn();
        }
    }

    /// <summary>Takes the turn after the thread that has it, unless that takes too long or turns have ended.</summary>
    /// <param name="patience">The longest time to wait.</param>
    public bool TryTake(TimeSpan patience)
    {
        if (TryTake())
        {
            return true;
        }

        long begin = Stopwatch.GetTimestamp();
        Interlocked.Increment(ref _waiting);
        bool taken = false;
        while (!taken && !HasEnded && Stopwatch.GetElapsedTime(begin) < patience)
        {
            InterleavingPoints.Spin(InterleavingPoint.TurnAwaited);
            InterleavingPoints.HoldClock(ref begin);
            Thread.Yield();
            taken = TryTake();
        }

        Interlocked.Decrement(ref _waiting);
        return taken;
    }

    /// <summary>
    /// Lets as many threads have the turn as wait for it, and takes it again after them, even if others keep coming. For the holder, between two steps.
    /// </summary>
    /// <returns>False when turns have ended, in which case the caller has no turn.</returns>
    public bool GiveWay()
    {
        Invariant.Assert(Volatile.Read(ref _state) == Taken || HasEnded, "Only the thread that has the turn gives way.");
        int waiting = Waiting;
        if (waiting == 0)
        {
            return true;
        }

        int last = _turns + waiting;
        Return();
        while ((Waiting != 0 && Volatile.Read(ref _turns) - last < 0) || !TryTake())
        {
            if (HasEnded)
            {
                return false;
            }

            InterleavingPoints.Spin(InterleavingPoint.TurnAwaited);
            Thread.Yield();
        }

        return true;
    }

    /// <summary>Gives the turn back. When turns have ended, it does nothing.</summary>
    public void Return()
    {
        int before = Interlocked.CompareExchange(ref _state, Free, Taken);
        Invariant.Assert(before != Free, "A turn that is given back was taken.");
    }

    /// <summary>Waits for the thread that has the turn; no thread has one afterwards. Further calls do nothing.</summary>
    public void End() => MoveTo(Ended);

    private void CountTurn() => Volatile.Write(ref _turns, _turns + 1);

    private bool MoveTo(int state)
    {
        Interlocked.Increment(ref _waiting);
        int before;
        while ((before = Interlocked.CompareExchange(ref _state, state, Free)) == Taken)
        {
            InterleavingPoints.Spin(InterleavingPoint.TurnAwaited);
            Thread.Yield();
        }

        Interlocked.Decrement(ref _waiting);
        return before == Free;
    }
}
