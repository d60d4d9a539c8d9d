using System.Diagnostics.CodeAnalysis;
using SpanHeap.Caches;
using SpanHeap.Checks;
using SpanHeap.Contract;
using SpanHeap.Spans;

namespace SpanHeap.Blocks;

/// <summary>
/// Does everything that full checks do with blocks in spans when these change hands: on their way to the program, and back. A heap without full
/// checks has no object of this class.
/// </summary>
/// <remarks>Thread safe. The caller must not hold a lock.</remarks>
internal sealed unsafe class CheckedBlocks(MisuseLog misuse, FreedBlockQuarantine? quarantine)
{
    /// <summary>Gets the bytes of the slot that a block of a given size needs: its canary lies after it.</summary>
    public static nuint SlotBytesFor(nuint byteCount) => byteCount <= nuint.MaxValue - BlockCanary.Bytes ? byteCount + BlockCanary.Bytes : nuint.MaxValue;

    /// <summary>Prepares a block that is about to be handed to the program.</summary>
    /// <returns>
    /// Whether it was written to while it was free, which has been recorded. The block is used all the same: if it were held back, it would be lost.
    /// </returns>
    public bool Serve(nint block, in BlockRequest request)
    {
        bool damaged = request.Kind == BlockKind.Small && FreePoison.FindDamage(block, (nuint)SizeClasses.Info(request.SizeClass).Size) != 0;
        if (damaged)
        {
            misuse.Record(block, MisuseKind.WriteAfterFree);
        }

        if (request.Kind != BlockKind.Huge)
        {
            LiveBits.Set(block);
        }

        return damaged;
    }

    /// <summary>Records how many bytes a block that the program has holds from now on. A huge block has no slot to record it in.</summary>
    public static void Arm(nint block, nuint byteCount)
    {
        if (ArenaMap.Holds(block))
        {
            BlockCanary.Arm(block, byteCount, BlockAddress.SlotBytesOf(block, Volatile.Read(ref *ArenaHeader.EntryOf(block))));
        }
    }

    /// <summary>Takes a block from the program. Only here does a block become the heap's again.</summary>
    /// <exception cref="HeapCorruptionException">
    /// The address is not a block, the block was freed before, or bytes after it were overwritten. Nothing has changed.
    /// </exception>
    public static void Take(in BlockAddress block, BlockLookup lookup)
    {
        if (!LiveBits.TryFindSlot(block.Address, block.Entry, out Span* span, out int slot))
        {
            lookup.ThrowInterior(block.Address);
        }

        if (!LiveBits.TryClear(span, slot))
        {
            ThrowHelper.Misuse(block.Address, MisuseKind.DoubleFree);
        }

        // Only the thread that has taken the block checks it, and gives it back if it is damaged. A span may change its owner while blocks of it are
        // live.
        nuint slotBytes = block.SlotBytes;
        if (slotBytes == 0 || !PageEntry.IsSameSpan(Volatile.Read(ref *ArenaHeader.EntryOf(block.Address)), block.Entry))
        {
            // Another thread has freed it, and its pages, and with them the bit, belong to other blocks by now.
            LiveBits.Restore(span, slot);
            ThrowHelper.Misuse(block.Address, MisuseKind.DoubleFree);
        }

        nint damage = BlockCanary.FindDamage(block.Address, slotBytes);
        if (damage != 0)
        {
            LiveBits.Restore(span, slot);
            ThrowOverflow(block.Address, slotBytes, damage);
        }

        if (block.Kind == BlockKind.Small)
        {
            FreePoison.Fill(block.Address, slotBytes);
        }
    }

    /// <summary>Holds a freed block back from reuse, if there is a quarantine that takes it.</summary>
    /// <param name="block">The block.</param>
    /// <param name="leaving">A block that leaves in exchange and must be returned; 0 for none.</param>
    public bool TryKeepBack(in BlockAddress block, out nint leaving)
    {
        leaving = 0;
        return quarantine != null && quarantine.TryAdd(block.Address, block.SizeClass, out leaving);
    }

    /// <summary>Takes a freed block that need not be held back any longer; 0 when there is none.</summary>
    public nint TakeOverdue() => quarantine!.TakeOverdue();

    /// <summary>Checks all blocks that are held back, in a heap whose blocks are about to go with it.</summary>
    public void CheckKeptBack()
    {
        int place = 0;
        while (quarantine != null && quarantine.TakeNext(ref place) != 0)
        {
        }
    }

    /// <summary>Gets the number of bytes that were requested for a block.</summary>
    /// <exception cref="HeapCorruptionException">The program does not have the block, or bytes after it were overwritten.</exception>
    public static nuint RequireByteCount(in BlockAddress block, Span* span, int slot)
    {
        if (!LiveBits.IsSet(span, slot))
        {
            ThrowHelper.Misuse(block.Address, MisuseKind.DoubleFree);
        }

        nuint slotBytes = block.SlotBytes;
        if (slotBytes == 0)
        {
            // Another thread has freed it, and its pages belong to other blocks by now.
            ThrowHelper.Misuse(block.Address, MisuseKind.DoubleFree);
        }

        nint damage = BlockCanary.FindDamage(block.Address, slotBytes);
        if (damage != 0)
        {
            ThrowOverflow(block.Address, slotBytes, damage);
        }

        return ByteCountOf(block.Address, slotBytes);
    }

    /// <summary>
    /// Gets the number of bytes that were requested for a block, as far as it is known. The block may be freed, and its pages reused, during the
    /// call, but not while the owner's lock is held. If the span has changed its owner meanwhile, it is read under the lock of the new one.
    /// </summary>
    /// <param name="named">An address on the page that has the entry.</param>
    /// <param name="entry">The entry.</param>
    /// <param name="block">The block's first byte.</param>
    /// <param name="slotBytes">The bytes of its slot.</param>
    public static nuint ByteCountOf(nint named, uint entry, nint block, nuint slotBytes)
    {
        while (true)
        {
            ThreadCache* owner = ThreadCachePool.ByEntry(entry);
            owner->Lock.Enter();
            uint current = *ArenaHeader.EntryOf(named);
            nuint byteCount = current == entry ? ByteCountOf(block, slotBytes) : slotBytes;
            owner->Lock.Exit();
            if (current == entry || !PageEntry.IsSameSpan(current, entry))
            {
                return byteCount;
            }

            entry = current;
        }
    }

    /// <exception cref="HeapCorruptionException">Always.</exception>
    [DoesNotReturn]
    public static void ThrowOverflow(nint block, nuint slotBytes, nint damage)
    {
        string size = BlockCanary.TryPresumeByteCount(block, slotBytes, out nuint byteCount)
            ? $"is {damage - block - (nint)byteCount} bytes past the end of its {byteCount}"
            : $"is {damage - block} bytes from its start, past its end";
        throw new HeapCorruptionException(
            $"0x{block:x} was written to past its end: the first changed byte {size}.", block, MisuseKind.Overflow);
    }

    private static nuint ByteCountOf(nint block, nuint slotBytes) =>
        BlockCanary.TryGetByteCount(block, slotBytes, out nuint byteCount) ? byteCount : slotBytes;
}
