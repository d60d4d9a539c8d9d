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

    // How many threads wait for the turn, and how many of these urgently. Interlocked.
    private int _wishes;
    private int _urgentWishes;

    // Whether the thread that had the turn last has left a collection on, which another thread is about to end. Guarded by the lock.
    private bool _isPassedOn;

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

    /// <summary>Whether a thread waits for the turn: what has not begun should not keep it waiting.</summary>
    public bool IsWanted => Volatile.Read(ref _wishes) > 0;

    /// <summary>
    /// Whether one of these threads should wait no longer than it must, so that what marks while threads go on is to end with them kept out. Mark sessions
    /// are urgent, because they keep threads out themselves, and so are inspecting and disposing the heap, during which no thread uses it, and a heap that
    /// has grown too much. A thread that collects or sweeps waits for dead blocks, and not at the cost of a pause of others.
    /// </summary>
    public bool IsUrgent => Volatile.Read(ref _urgentWishes) > 0;

    /// <summary>Notes that the calling thread waits for what another does in its turn, until the result is disposed.</summary>
    /// <param name="isUrgent">Whether the other should keep threads out to be ready sooner (<see cref="IsUrgent"/>).</param>
    public Wish WishFor(bool isUrgent)
    {
        Interlocked.Increment(ref _wishes);
        Interlocked.Add(ref _urgentWishes, isUrgent ? 1 : 0);
        return new Wish(this, isUrgent);
    }

    /// <summary>Takes the turn, after waiting for another thread to return it; that thread may itself be waiting for a scope.</summary>
    /// <param name="isUrgent">As for <see cref="WishFor"/>.</param>
    /// <returns>When waiting began, in Stopwatch ticks.</returns>
    /// <exception cref="TimeoutException">Another thread has had the turn all the time; the message says why.</exception>
    public long Take(bool isUrgent = false)
    {
        long start = Stopwatch.GetTimestamp();
        if (!TryTake(LongestWait, isUrgent))
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
    public bool TryTake(TimeSpan longest, bool isUrgent = false)
    {
        using Wish wish = WishFor(isUrgent);
        long start = Stopwatch.GetTimestamp();
        TimeSpan left = longest;
        do
        {
            InterleavingPoints.AwaitFree(InterleavingPoint.CollectorAwaited, _collecting);
            if (!_collecting.TryEnter(left))
            {
                return false;
            }

            if (!_isPassedOn)
            {
                return true;
            }

            // The thread to which it was passed on is about to take it.
            _collecting.Exit();
            InterleavingPoints.Spin(InterleavingPoint.CollectorAwaited);
            Uninterrupted.Sleep(milliseconds: 1);
            left = longest - Stopwatch.GetElapsedTime(start);
        }
        while (left > TimeSpan.Zero);
        return false;
    }

    /// <summary>Takes the turn if no other thread has it.</summary>
    public bool TryTake()
    {
        bool taken = _collecting.TryEnter();
        if (taken && _isPassedOn)
        {
            _collecting.Exit();
            return false;
        }

        return taken;
    }

    /// <summary>
    /// Determines that the turn, once the calling thread has returned it, is for a thread that calls <see cref="TakeOver"/>. Called by the thread that has it.
    /// </summary>
    public void PassOn() => _isPassedOn = true;

    /// <summary>Takes the turn that was passed on, after waiting for the thread that does so to return it.</summary>
    public void TakeOver()
    {
        InterleavingPoints.AwaitFree(InterleavingPoint.CollectorAwaited, _collecting);
        _collecting.Enter();
        _isPassedOn = false;
    }

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
    public readonly ref struct Wish(CollectionTurn turn, bool isUrgent)
    {
        public void Dispose()
        {
            Interlocked.Add(ref turn._urgentWishes, isUrgent ? -1 : 0);
            Interlocked.Decrement(ref turn._wishes);
        }
    }
}
