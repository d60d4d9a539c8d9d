using System.Runtime.CompilerServices;

namespace SpanHeap.Os;

/// <summary>
/// A lock that is one word and may lie in native memory. Not recursive, not interruptible.
/// </summary>
/// <remarks>
/// A <c>lock</c> statement can throw <see cref="ThreadInterruptedException"/> and can run other code while it waits; neither may
/// happen in the middle of a <c>Free</c>. Held for tens of nanoseconds to a few microseconds: under it there is no system call
/// that may block, no managed allocation, no callback and no throw.
/// <para>Order (a thread may only take locks further to the right): thread record, cache registry, thread cache, central cache, memory limit, then one of page
/// heap, magazine pool, misuse log. No thread ever holds the locks of two thread caches. Those of metadata, handles, the
/// queue of clean-ups and the process's pools are taken with no other held, and none is taken under them; nor under those of huge blocks and
/// the arena map, which may be taken under the guard's: that is taken with no other held.</para>
/// </remarks>
internal struct NativeLock
{
    // Spins this many times with growing pauses before it gives the processor away: with more threads than cores the holder may be
    // waiting for just this core.
    private const int SpinsBeforeYield = 6;

    // 0 free, 1 held. Written by compare-exchange on entry, by a release store on exit.
    private int _held;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Enter()
    {
        if (Interlocked.CompareExchange(ref _held, 1, 0) != 0)
        {
            EnterContended();
        }

        InterleavingPoints.NoteLockTaken(true);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryEnter()
    {
        bool taken = TryTake();
        InterleavingPoints.NoteLockTaken(taken);
        return taken;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Exit()
    {
        InterleavingPoints.NoteLockLeft();
        Volatile.Write(ref _held, 0);
    }

    public readonly bool IsHeld => Volatile.Read(in _held) != 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryTake() => Interlocked.CompareExchange(ref _held, 1, 0) == 0;

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

            if (Volatile.Read(ref _held) == 0 && TryTake())
            {
                return;
            }
        }
    }
}
