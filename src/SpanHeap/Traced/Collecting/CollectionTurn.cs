using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using SpanHeap.Os;
using SpanHeap.Traced.Gating;
using SpanHeap.Traced.Sweeping;

namespace SpanHeap.Traced.Collecting;

/// <summary>The right to collect a heap. One thread has it at a time, and only that thread closes the gate.</summary>
/// <remarks>Thread safe. Members that say so are for the thread that has the turn.</remarks>
internal sealed unsafe class CollectionTurn(Gate gate, TracedCaches caches, ScopeWatchdog watchdog, GatePatience patience)
{
    private readonly Lock _collecting = new();

    // Written by the thread that has the turn, read by any thread.
    private long _heldUp;
    private ulong _session;

    // How many threads wait for the turn. Interlocked.
    private int _wishes;

    /// <summary>A collection that was asked for is given up when scopes or other collections have kept it from beginning for this long.</summary>
    public TimeSpan LongestWait { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>The number of attempts given up because a thread did not leave its scope.</summary>
    public long HeldUp => Volatile.Read(ref _heldUp);

    /// <summary>How long the gate stays closed for scopes.</summary>
    public GatePatience Patience => patience;

    /// <summary>
    /// The number of the mark session that is open; 0 for none. Set by the thread that has the turn; other threads read it to refuse what cannot be
    /// done meanwhile.
    /// </summary>
    public ulong Session
    {
        get => Volatile.Read(ref _session);
        set => Volatile.Write(ref _session, value);
    }

    /// <summary>Whether the calling thread has a mark session open.</summary>
    public bool HasOwnSession => Session != 0 && _collecting.IsHeldByCurrentThread;

    /// <summary>Whether a thread waits for the turn: what marks while threads go on should end soon.</summary>
    public bool IsWanted => Volatile.Read(ref _wishes) > 0;

    /// <summary>Notes that the calling thread waits for what another does in its turn, until the result is disposed.</summary>
    public Wish WishFor()
    {
        Interlocked.Increment(ref _wishes);
        return new Wish(this);
    }

    /// <summary>Takes the turn, after waiting for another thread to return it; that thread may itself be waiting for a scope.</summary>
    /// <returns>When waiting began, in Stopwatch ticks.</returns>
    /// <exception cref="TimeoutException">Another thread has had the turn all the time; the message says why.</exception>
    public long Take()
    {
        long start = Stopwatch.GetTimestamp();
        if (!TryTake(LongestWait))
        {
            ThrowTimeout();
        }

        return start;
    }

    /// <summary>Says why waiting for as long as <see cref="LongestWait"/> was in vain.</summary>
    /// <exception cref="TimeoutException">Always; the message names the thread that is in a scope.</exception>
    [DoesNotReturn]
    public void ThrowTimeout() => throw new TimeoutException(watchdog.Describe(caches.FindInScope(), Session != 0, LongestWait));

    /// <summary>Takes the turn, after waiting for so long at most for another thread to return it.</summary>
    public bool TryTake(TimeSpan longest)
    {
        using Wish wish = WishFor();
        InterleavingPoints.AwaitFree(InterleavingPoint.CollectorAwaited, _collecting);
        return _collecting.TryEnter(longest);
    }

    /// <summary>Takes the turn if no other thread has it.</summary>
    public bool TryTake() => _collecting.TryEnter();

    /// <summary>Returns the turn. Called by the thread that has it.</summary>
    public void Return() => _collecting.Exit();

    /// <summary>Closes the gate, repeatedly until no thread is in a scope. Called by the thread that has the turn.</summary>
    /// <param name="start">When waiting began, in Stopwatch ticks.</param>
    /// <exception cref="TimeoutException">A thread has kept its scope open all the time; the message names it.</exception>
    public void CloseGate(long start)
    {
        TimeSpan longest = LongestWait;
        TimeSpan left = longest;
        TimeSpan wait = patience.First;
        while (!gate.TryClose(wait < left ? wait : left, out TracedCache* holdUp))
        {
            NoteHeldUp();
            left = longest - Stopwatch.GetElapsedTime(start);
            if (left <= TimeSpan.Zero)
            {
                throw new TimeoutException(watchdog.Describe(holdUp, Session != 0, longest));
            }

            // Other threads go on for as long as they have waited.
            Thread.Sleep(wait < left ? wait : left);
            left = longest - Stopwatch.GetElapsedTime(start);
            wait = patience.After(wait);
        }
    }

    /// <summary>Notes that an attempt was given up. Called by the thread that has the turn.</summary>
    public void NoteHeldUp() => Volatile.Write(ref _heldUp, _heldUp + 1);

    /// <summary>The wish of a thread for the turn.</summary>
    public readonly ref struct Wish(CollectionTurn turn)
    {
        public void Dispose() => Interlocked.Decrement(ref turn._wishes);
    }
}
