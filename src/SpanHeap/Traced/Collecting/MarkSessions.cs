using System.Diagnostics;

namespace SpanHeap.Traced.Collecting;

/// <summary>Mark sessions: collections during which the gate is closed and the calling thread marks what it knows to live.</summary>
/// <remarks>Used by the thread that has the turn, which a session keeps from its beginning to its end.</remarks>
internal sealed class MarkSessions(CollectionTurn turn, CollectionCycle cycle, MarkPhase marking, BackgroundSweeper background)
{
    private ulong _last;

    // When the open session began.
    private long _start;
    private long _bytes;

    /// <summary>Begins a session of the calling thread, which is in no scope; all others are kept out until it ends.</summary>
    /// <returns>The number of the session.</returns>
    /// <exception cref="TimeoutException">A thread has kept its scope open all the time; the message names it.</exception>
    public ulong Begin()
    {
        long start = turn.Take(isUrgent: true);
        try
        {
            background.ThrowFailure();
            turn.CloseGate(start);
            _start = Stopwatch.GetTimestamp();
            try
            {
                cycle.FinishAndFlush();
            }
            catch
            {
                cycle.OpenGate(_start);
                throw;
            }

            _bytes = 0;
            turn.Session = ++_last;
            return _last;
        }
        catch
        {
            turn.Return();
            throw;
        }
    }

    /// <summary>Marks a block; null does nothing.</summary>
    /// <exception cref="HeapCorruptionException">It is not a collectable block of the heap.</exception>
    public void Mark(ulong session, nint block)
    {
        Require(session);
        _bytes += marking.MarkCollectable(block);
    }

    /// <summary>Marks what roots reach as well, and lets all unmarked blocks die. Whatever it throws, the session is over.</summary>
    public void Complete(ulong session)
    {
        Require(session);
        try
        {
            cycle.Complete(_bytes, _start, turn);
        }
        finally
        {
            turn.Return();
        }
    }

    /// <summary>Ends a session as if it had not begun. Does nothing if the session is over.</summary>
    public void Abandon(ulong session)
    {
        if (turn.Session == session)
        {
            marking.UnmarkCollectables();
            turn.Session = 0;
            cycle.OpenGate(_start);
            turn.Return();
        }
    }

    private void Require(ulong session)
    {
        if (turn.Session != session)
        {
            throw new InvalidOperationException("The MarkSession has been completed or disposed.");
        }
    }
}
