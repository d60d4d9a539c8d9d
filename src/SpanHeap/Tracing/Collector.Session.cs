using System.Diagnostics;
using SpanHeap.Sweeping;

namespace SpanHeap.Tracing;

/// <summary>
/// Collections that the program leads: between their beginning and their end the gate is closed, and the calling thread marks what it
/// knows to live.
/// </summary>
internal sealed unsafe partial class Collector
{
    // The session that is open, by its number; 0 for none. Written by the thread that has the lock, and read by others to refuse what
    // cannot be done meanwhile.
    private ulong _session;
    private ulong _lastSession;

    // Of the session that is open.
    private long _sessionStart;
    private long _sessionBytes;

    /// <summary>Whether a session is open.</summary>
    public bool HasSession => Volatile.Read(ref _session) != 0;

    /// <summary>Whether a session of the calling thread is.</summary>
    public bool HasOwnSession => HasSession && _collecting.IsHeldByCurrentThread;

    private uint MarkPlane => SweepGeneration.MarkPlane(heap.Sweeper.Generation);

    /// <summary>Begins a session of the calling thread, which is in no scope; all others are kept out until it ends.</summary>
    /// <returns>Its number.</returns>
    /// <exception cref="TimeoutException">A thread has kept its scope open all the time; the message names it.</exception>
    public ulong BeginSession()
    {
        long start = BeginAsked();
        try
        {
            _background.ThrowFailure();
            CloseGate(start);
            _sessionStart = Stopwatch.GetTimestamp();
            try
            {
                FinishClosed();
                heap.Caches.ForEach(&Flush, heap);
            }
            catch
            {
                OpenGate(_sessionStart);
                throw;
            }

            _sessionBytes = 0;
            Volatile.Write(ref _session, ++_lastSession);
            return _lastSession;
        }
        catch
        {
            _collecting.Exit();
            throw;
        }
    }

    /// <summary>Marks a block; null does nothing.</summary>
    /// <exception cref="HeapCorruptionException">It is no collectable block of the heap.</exception>
    public void MarkInSession(ulong session, nint block)
    {
        RequireSession(session);
        _sessionBytes += heap.Collectables.Mark(block, MarkPlane);
    }

    /// <summary>Marks what roots reach, too, and lets all go that has no mark. Whatever it throws, the session is over.</summary>
    public void CompleteSession(ulong session)
    {
        RequireSession(session);
        try
        {
            long before = heap.Pacer.LiveBytes;
            long after;
            try
            {
                after = MarkAndAdvance(MarkPlane, isLed: true, isFlushed: true, _sessionStart);
            }
            finally
            {
                EndSession();
            }

            GoOn(CollectionReason.Led, before, after);
        }
        finally
        {
            _collecting.Exit();
        }
    }

    /// <summary>Ends a session as if it had not begun; one that is over stays so.</summary>
    public void AbandonSession(ulong session)
    {
        if (_session == session)
        {
            heap.Collectables.Unmark(MarkPlane);
            EndSession();
            _collecting.Exit();
        }
    }

    private void RequireSession(ulong session)
    {
        if (_session != session)
        {
            throw new InvalidOperationException($"The {nameof(MarkSession)} has been completed or disposed.");
        }
    }

    private void EndSession()
    {
        Volatile.Write(ref _session, 0);
        OpenGate(_sessionStart);
    }
}
