using System.Diagnostics.CodeAnalysis;
using SpanHeap.Guarding;
using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Caches;

/// <summary>Looking up what a pointer is.</summary>
internal sealed unsafe partial class HeapCore
{
    /// <summary>Bytes from a block's start that its user may use.</summary>
    /// <exception cref="HeapCorruptionException">The pointer is no block of this heap.</exception>
    public nuint UsableSize(void* pointer)
    {
        ThrowIfDisposed();
        nint block = (nint)pointer;
        if (block != 0 && ArenaMap.Holds(block))
        {
            uint entry = RequireOwnEntry(block);
            return PageEntry.IsGuarded(entry) ? _guard!.RequireByteCount(block) : RequireUsableSize(block, entry);
        }

        if (!HugeBlocks.TryFind(block, out HugeBlock huge))
        {
            ThrowHelper.Misuse(block, MisuseKind.ForeignPointer);
        }

        if (IsOwnGuarded(huge))
        {
            return _guard!.RequireByteCount(block);
        }

        if (huge.HeapSerial != Serial || huge.Address != block || huge.IsKept)
        {
            ThrowNoHugeBlock(block, huge);
        }

        return huge.Size;
    }

    /// <summary>The block that an address lies in, if it lies in one of this heap.</summary>
    public bool TryFindBlock(void* pointer, out BlockInfo block)
    {
        ThrowIfDisposed();
        nint address = (nint)pointer;
        block = default;
        bool inArena = ArenaMap.IsInArenaOf(Serial, address);
        HugeBlock huge = default;
        if (!inArena && !(HugeBlocks.TryFind(address, out huge) && huge.HeapSerial == Serial))
        {
            return false;
        }

        if (_guard != null && _guard.TryFind(address, out GuardRecord record))
        {
            block = new BlockInfo(
                record.Address, record.ByteCount, SizeClasses.None, record.State == GuardState.Live ? BlockState.Allocated : BlockState.Free);
            return record.State != GuardState.Swept;
        }

        if (!inArena)
        {
            BlockState hugeState = huge.IsKept ? BlockState.Free : BlockState.Allocated;
            block = huge.Guarded == 0 ? new BlockInfo(huge.Address, huge.Size, SizeClasses.None, hugeState) : default;
            return huge.Guarded == 0;
        }

        // The page of the span's start says all that is needed without a look at the span, which may be going just now.
        uint entry = Volatile.Read(ref *ArenaHeader.EntryOf(address));
        nint start = (address & -PageGeometry.PageSize) - ((nint)PageEntry.PagesFromFirst(entry) << PageGeometry.PageShift);
        nint named = PageEntry.IsInside(entry) ? start : address;
        entry = named == start ? Volatile.Read(ref *ArenaHeader.EntryOf(start)) : entry;
        if (entry == PageEntry.Unused || PageEntry.IsInside(entry) || PageEntry.IsGuarded(entry) || PageEntry.IsTraced(entry))
        {
            return false;
        }

        uint sizeClass = PageEntry.SizeClass(entry);
        nuint size = SizeOf(start, entry);
        nuint slot = size == 0 ? 0 : (nuint)(address - start) / size;
        if (size == 0 || slot >= (nuint)SizeClasses.Info(sizeClass).Slots)
        {
            return false;
        }

        BlockState state = StateOf(ArenaHeader.SpanAt(start), (int)slot);
        nint first = start + (nint)(slot * size);
        block = new BlockInfo(first, _fullChecks && state == BlockState.Allocated ? ByteCountOf(named, entry, first, size) : size, (int)sizeClass, state);
        return true;
    }

    // The usable size of blocks with this entry; 0 when it has just become untrue.
    private static nuint SizeOf(nint start, uint entry)
    {
        uint sizeClass = PageEntry.SizeClass(entry);
        if (sizeClass != SizeClasses.None)
        {
            return SizeClasses.Info(sizeClass).Size;
        }

        // Only the span knows; and what is there is the span only as long as its owner is held.
        ThreadCache* owner = ThreadCachePool.ByEntry(entry);
        owner->Lock.Enter();
        nuint size = *ArenaHeader.EntryOf(start) == entry ? ArenaHeader.SpanAt(start)->SlotSize : 0;
        owner->Lock.Exit();
        return size;
    }

    private BlockState StateOf(Span* span, int slot)
    {
        if (_fullChecks)
        {
            return LiveBits.IsSet(span, slot) ? BlockState.Allocated : BlockState.Free;
        }

        return AllocBits.IsSet(ArenaHeader.AllocBits(span), slot) ? BlockState.AllocatedOrCached : BlockState.Free;
    }

    // That the address is a block's first byte costs a multiplication to find out. Whether the block is allocated only full checks know.
    private nuint RequireUsableSize(nint block, uint entry)
    {
        if (!LiveBits.TryFindSlot(block, entry, out Span* span, out int slot))
        {
            ThrowInterior(block);
        }

        if (_fullChecks)
        {
            if (!LiveBits.IsSet(span, slot))
            {
                ThrowHelper.Misuse(block, MisuseKind.DoubleFree);
            }

            nuint slotBytes = SizeOf(block, entry);
            if (slotBytes == 0)
            {
                // Another thread has freed it, and its pages are others' by now.
                ThrowHelper.Misuse(block, MisuseKind.DoubleFree);
            }

            return RequireByteCount(block, slotBytes);
        }

        return SizeOf(block, entry);
    }

    // Before a block is copied, which its pointer alone would allow: a slot that has come back to its span is no block. One that is still
    // in a cache is not told from one that is allocated. Read without the lock, which is sound for the caller's own block: others change
    // other bits of its word.
    private void RequireAllocated(nint block, uint entry)
    {
        if (!_fullChecks && LiveBits.TryFindSlot(block, entry, out Span* span, out int slot) && !AllocBits.IsSet(ArenaHeader.AllocBits(span), slot))
        {
            ThrowHelper.Misuse(block, MisuseKind.DoubleFree);
        }
    }

    // Names the block that the address lies in, if it still lies in one.
    [DoesNotReturn]
    private void ThrowInterior(nint address)
    {
        if (TryFindBlock((void*)address, out BlockInfo block) && block.Address != address)
        {
            ThrowHelper.Interior(address, block);
        }

        ThrowHelper.Misuse(address, MisuseKind.InteriorPointer);
    }

    [DoesNotReturn]
    private void ThrowNoHugeBlock(nint address, in HugeBlock huge)
    {
        if (huge.HeapSerial != Serial)
        {
            ThrowHelper.Misuse(address, MisuseKind.OtherHeap);
        }

        if (huge.IsKept)
        {
            ThrowHelper.Misuse(address, MisuseKind.DoubleFree);
        }

        ThrowInterior(address);
    }
}
