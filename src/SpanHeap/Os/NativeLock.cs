using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace SpanHeap.Os;

/// <summary>A lock that is a single word and may lie in native memory. It is neither recursive nor interruptible.</summary>
/// <remarks>
/// A <c>lock</c> statement can throw <see cref="ThreadInterruptedException"/> and can run other code while it waits; neither may happen in the middle
/// of a <c>Free</c>. The lock is held for tens of nanoseconds to a few microseconds. A thread that holds it makes no system call that may block, no
/// managed allocation and no callback, and does not throw.
/// <para>
/// The order in which locks are taken is a table, <see cref="LockOrder"/>. Debug builds, and builds with <c>INTERLEAVING</c>, check it before each
/// wait, and know which thread holds a lock (<see cref="AssertHeld"/>). The word has room for that, so a lock has the same layout in every build.
/// </para>
/// </remarks>
internal struct NativeLock
{
    // The number of spins, with growing pauses, before the thread yields the processor. With more threads than cores, the holder may be waiting for
    // this very core.
    private const int SpinsBeforeYield = 6;

    // Free or Held. Written by compare-exchange on entry, by a release store on exit.
    private int _state;

#if DEBUG || INTERLEAVING
    private const int RankShift = 24;
    private const int HolderMask = (1 << RankShift) - 1;

    // The rank above the number of the thread that holds the lock; no thread has the number zero.
    private readonly int Free => _state & ~HolderMask;

    private readonly int Held => Free | (Environment.CurrentManagedThreadId & HolderMask);

    private readonly LockRank Rank => (LockRank)(_state >> RankShift);
#else
    private const int Free = 0;
    private const int Held = 1;
    private const LockRank Rank = LockRank.Alone;
#endif

    /// <summary>Makes a free lock of a rank. A lock in zeroed memory is free and has the rank <see cref="LockRank.Alone"/>.</summary>
    public NativeLock(LockRank rank)
    {
#if DEBUG || INTERLEAVING
        _state = (int)rank << RankShift;
#endif
    }

    /// <summary>Sets the rank of a lock that no thread holds or waits for.</summary>
    [Conditional("DEBUG")]
    [Conditional("INTERLEAVING")]
    public void SetRank(LockRank rank) => this = new NativeLock(rank);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Enter()
    {
        LockOrder.AssertMayEnter(Rank);
        if (Interlocked.CompareExchange(ref _state, Held, Free) != Free)
        {
            EnterContended();
        }

        LockOrder.NoteTaken(Rank);
        InterleavingPoints.NoteLockTaken(true);
    }

    /// <summary>Takes the lock if it is free. A thread that does not wait may take locks in any order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryEnter()
    {
        bool taken = TryTake();
        if (taken)
        {
            LockOrder.NoteTaken(Rank);
        }

        InterleavingPoints.NoteLockTaken(taken);
        return taken;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Exit()
    {
        AssertHeld();
        LockOrder.NoteLeft(Rank);
        InterleavingPoints.NoteLockLeft();
        Volatile.Write(ref _state, Free);
    }

    public readonly bool IsHeld => Volatile.Read(in _state) != Free;

    /// <summary>Fails unless the calling thread holds the lock. For methods whose caller must hold it.</summary>
    [Conditional("DEBUG")]
    [Conditional("INTERLEAVING")]
    public readonly void AssertHeld()
    {
        if (Volatile.Read(in _state) != Held)
        {
            throw new InvalidOperationException($"The calling thread does not hold the lock, of rank {Rank}.");
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryTake() => Interlocked.CompareExchange(ref _state, Held, Free) == Free;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void EnterContended()
    {
        for (int attempt = 0; ; attempt++)
        {
            if (attempt < SpinsBeforeYield)
            {
                Thread.SpinWait(4 << attempt);
            }
            else
            {
                Thread.Yield();
            }

            if (!IsHeld && TryTake())
            {
                return;
            }
        }
    }
}
