using System.Numerics;
using System.Runtime.CompilerServices;
using SpanHeap.Os;
using SpanHeap.Pages;

namespace SpanHeap.Spans;

/// <summary>
/// The huge blocks that a heap's program has freed and that stay mapped for the next request: few, and for about one scavenge delay, so
/// that a program that allocates and frees huge blocks in turn does not pay for their pages each time. Where a program wants one again soon after it
/// was given up, they stay longer from then on, as free pages do (<see cref="PageRetention"/>).
/// </summary>
/// <remarks>
/// Thread safe by one lock, under which nothing asks the system. A block that is kept stays in <see cref="HugeBlockTable"/>, marked, so that
/// a second free of it is found; it counts towards the heap's limit until it is given up. Guarded blocks never come here.
/// </remarks>
/// <param name="os">The system.</param>
/// <param name="limit">The limit, towards which kept blocks count.</param>
/// <param name="scavengeDelay">How long a block is kept.</param>
/// <param name="maxRetainedBytes">The bytes up to which blocks are kept for longer than that.</param>
internal sealed unsafe class HugeBlockCache(OsMemory os, HeapLimit limit, TimeSpan scavengeDelay, long maxRetainedBytes)
{
    /// <summary>Blocks that are kept at most.</summary>
    public const int Capacity = 16;

    /// <summary>Bytes that they have together at most.</summary>
    public const nuint MaxBytes = 1 << 30;

    /// <summary>Bytes of the smallest block that is kept: smaller ones are huge for their alignment alone, and cost the system little.</summary>
    public const nuint MinBytes = SizeClasses.MaxClassSize;

    // A block serves a request that leaves at most this part of the request's bytes unused.
    private const nuint WasteShare = 4;

    // Rounds of maintenance that a block is kept for: there are two in a scavenge delay, and the first may come at once.
    private const uint RoundsKept = 3;

    // The same while the program has lately wanted one again that was given up, or would have been.
    private const uint RoundsRetained = PageRetention.Rounds;

    // The milliseconds in which these rounds come unless the heap rests.
    private readonly long _retainedTime = scavengeDelay == Timeout.InfiniteTimeSpan ? long.MaxValue : (long)(scavengeDelay.TotalMilliseconds * RoundsRetained / PageRetention.RoundsPerDelay);

    private NativeLock _lock;

    // Guarded by the lock; in the order in which they were freed. The count is read without it.
    private Blocks _blocks;
    private int _count;

    // Guarded by the lock: the block that was given up last because it was not wanted for long, when that was, and the last round in which one was
    // wanted again; 0 for never.
    private HugeBlock _givenUp;
    private long _givenUpAt;
    private uint _wantedAt;

    // Interlocked, by any thread that frees a huge block.
    private long _bytesReleased;

    [InlineArray(Capacity)]
    private struct Blocks
    {
        private KeptBlock _first;
    }

    private struct KeptBlock
    {
        public HugeBlock Block;

        // The round of maintenance in which it was freed.
        public uint Round;
    }

    public int Count => Volatile.Read(ref _count);

    /// <summary>Bytes of the kept blocks. Changed under the lock.</summary>
    public nuint Bytes => (nuint)limit.KeptHugeBytes;

    /// <summary>Bytes of huge blocks that went back to the system so far, those that were never kept included.</summary>
    public long BytesReleased => Volatile.Read(ref _bytesReleased);

    /// <summary>
    /// Takes the smallest kept block that serves a request without much waste, of several the one freed last. It is the program's from now
    /// on; its contents are what they were.
    /// </summary>
    /// <param name="byteCount">Bytes asked for.</param>
    /// <param name="alignment">A power of two that its address is a multiple of.</param>
    /// <param name="round">The number of the current round of maintenance.</param>
    /// <param name="block">The block.</param>
    public bool TryTake(nuint byteCount, nuint alignment, uint round, out HugeBlock block)
    {
        block = default;
        _lock.Enter();
        int best = FindBest(byteCount, alignment);
        bool isWantedAgain = best >= 0
            ? (int)(round - _blocks[best].Round) >= (int)RoundsKept
            : Serves(_givenUp, byteCount, alignment) && Environment.TickCount64 - _givenUpAt < _retainedTime;
        _wantedAt = isWantedAgain ? round : _wantedAt;
        if (best >= 0)
        {
            block = RemoveAt(best);
        }

        _lock.Exit();
        if (best >= 0)
        {
            HugeBlockTable.Serve(block.Address);
        }

        return best >= 0;
    }

    /// <summary>Keeps a block that <see cref="HugeBlockTable.TryKeep"/> has marked, at the cost of those kept longest; or gives it up when it is too large or too small. Call without a lock.</summary>
    /// <param name="block">The block.</param>
    /// <param name="round">The number of the current round of maintenance.</param>
    public void Keep(in HugeBlock block, uint round)
    {
        LockOrder.AssertNoneHeld();
        if (block.Size is < MinBytes or > MaxBytes)
        {
            Release(block);
            return;
        }

        while (!TryAdd(block, round, out HugeBlock oldest))
        {
            Release(oldest);
        }
    }

    /// <summary>Gives a block back to the system that was not wanted for long. Call without a lock.</summary>
    /// <param name="round">The number of the current round of maintenance.</param>
    /// <returns>Whether there was one.</returns>
    public bool TryReleaseAged(uint round) => TryReleaseFirst(round, agedOnly: true);

    /// <summary>Gives the block that was kept longest back to the system. Call without a lock.</summary>
    /// <returns>Whether there was one.</returns>
    public bool TryReleaseOldest() => TryReleaseFirst(round: 0, agedOnly: false);

    /// <summary>Gives all kept blocks back to the system. Call without a lock.</summary>
    /// <returns>Whether there were any.</returns>
    public bool ReleaseAll()
    {
        bool any = false;

        // No more than there can be: what other threads free meanwhile is not waited for.
        for (int left = Capacity; left > 0 && TryReleaseOldest(); left--)
        {
            any = true;
        }

        return any;
    }

    /// <summary>Gives a block that is in no record any more back to the system. Call without a lock.</summary>
    public void ReleaseRemoved(in HugeBlock block)
    {
        LockOrder.AssertNoneHeld();
        os.Free(block.Platform);
        limit.AddHugeBytes(-(long)block.Size);
        Interlocked.Add(ref _bytesReleased, (long)block.Size);
    }

    /// <summary>Visits the kept blocks. Exact while no thread uses the heap.</summary>
    public void Visit(Action<HugeBlock> visit)
    {
        for (int i = 0; i < Count; i++)
        {
            visit(_blocks[i].Block);
        }
    }

    // Out of the records before its addresses may be another's; off the limit once its memory is gone.
    private void Release(in HugeBlock block)
    {
        LockOrder.AssertNoneHeld();
        HugeBlockTable.RemoveKept(block.Address);
        ReleaseRemoved(block);
    }

    // One that is given up because it is old is remembered, to find out whether the program wants it again.
    private bool TryReleaseFirst(uint round, bool agedOnly)
    {
        _lock.Enter();
        bool retains = _wantedAt != 0 && round - _wantedAt < RoundsRetained && (long)Bytes <= maxRetainedBytes;
        bool found = _count > 0 && (!agedOnly || round - _blocks[0].Round >= (retains ? RoundsRetained : RoundsKept));
        HugeBlock block = found ? RemoveAt(0) : default;
        if (found && agedOnly)
        {
            _givenUp = block;
            _givenUpAt = Environment.TickCount64;
        }

        _lock.Exit();
        if (found)
        {
            Release(block);
        }

        return found;
    }

    private int FindBest(nuint byteCount, nuint alignment)
    {
        _lock.AssertHeld();
        Invariant.Assert(BitOperations.IsPow2(alignment), "An alignment is a power of two.");
        int best = -1;
        for (int i = 0; i < _count; i++)
        {
            ref readonly HugeBlock block = ref _blocks[i].Block;
            best = Serves(block, byteCount, alignment) && (best < 0 || block.Size <= _blocks[best].Block.Size) ? i : best;
        }

        return best;
    }

    private static bool Serves(in HugeBlock block, nuint byteCount, nuint alignment) =>
        block.Size >= byteCount && block.Size - byteCount <= byteCount / WasteShare && ((nuint)block.Address & (alignment - 1)) == 0;

    // False, with the oldest block in the caller's hands, when there is no room.
    private bool TryAdd(in HugeBlock block, uint round, out HugeBlock oldest)
    {
        _lock.Enter();
        bool fits = _count < Capacity && Bytes + block.Size <= MaxBytes;
        if (fits)
        {
            _blocks[_count] = new KeptBlock { Block = block, Round = round };
            limit.AddKeptHugeBytes((long)block.Size);
            Volatile.Write(ref _count, _count + 1);
        }

        oldest = fits ? default : RemoveAt(0);
        _lock.Exit();
        return fits;
    }

    private HugeBlock RemoveAt(int index)
    {
        _lock.AssertHeld();
        Invariant.Assert(index < _count, "The block is here.");
        HugeBlock block = _blocks[index].Block;
        limit.AddKeptHugeBytes(-(long)block.Size);
        Volatile.Write(ref _count, _count - 1);
        for (int i = index; i < _count; i++)
        {
            _blocks[i] = _blocks[i + 1];
        }

        return block;
    }
}
