using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Caches;

/// <summary>Resizing, and looking up what a pointer is.</summary>
internal sealed unsafe partial class HeapCore
{
    // Below this, a block that is too large by half is not worth moving.
    private const nuint SmallestShrunk = 64;

    /// <summary>Resizes a block, in place where it can; null is no block and allocates one.</summary>
    /// <exception cref="OutOfMemoryException">There is no memory; the block is as it was.</exception>
    /// <exception cref="HeapCorruptionException">The pointer is no block of this heap; nothing has changed.</exception>
    public void* Reallocate(ThreadCache* cache, void* pointer, nuint byteCount, nuint alignment)
    {
        ThrowIfDisposed();
        if (pointer == null)
        {
            return AllocateAligned(cache, byteCount, alignment);
        }

        nint block = (nint)pointer;
        if (!ArenaMap.IsInArena(block))
        {
            return ReallocateOutside(cache, block, byteCount, alignment);
        }

        uint entry = RequireOwnEntry(block);
        nuint usable = RequireUsableSize(block, entry);
        bool aligned = ((nuint)block & (alignment - 1)) == 0;
        bool fits = byteCount <= usable && (byteCount > usable / 2 || usable <= SmallestShrunk);
        if (aligned && (fits || TryResizeInPlace(cache, block, entry, byteCount)))
        {
            return pointer;
        }

        return Move(cache, pointer, usable, byteCount, alignment, aligned);
    }

    /// <summary>Bytes from a block's start that its user may use.</summary>
    /// <exception cref="HeapCorruptionException">The pointer is no block of this heap.</exception>
    public nuint UsableSize(void* pointer)
    {
        ThrowIfDisposed();
        nint block = (nint)pointer;
        if (block != 0 && ArenaMap.IsInArena(block))
        {
            return RequireUsableSize(block, RequireOwnEntry(block));
        }

        if (!HugeBlocks.TryFind(block, out HugeBlock huge))
        {
            ThrowHelper.Misuse(block, MisuseKind.ForeignPointer);
        }

        if (huge.HeapSerial != Serial || huge.Address != block)
        {
            ThrowHelper.Misuse(block, huge.HeapSerial != Serial ? MisuseKind.OtherHeap : MisuseKind.InteriorPointer);
        }

        return huge.Size;
    }

    /// <summary>The block that an address lies in, if it lies in one of this heap.</summary>
    public bool TryFindBlock(void* pointer, out BlockInfo block)
    {
        ThrowIfDisposed();
        nint address = (nint)pointer;
        block = default;
        if (!ArenaMap.IsInArenaOf(Serial, address))
        {
            bool found = HugeBlocks.TryFind(address, out HugeBlock huge) && huge.HeapSerial == Serial;
            block = found ? new BlockInfo(huge.Address, huge.Size, SizeClasses.None, BlockState.Allocated) : default;
            return found;
        }

        // The page of the span's start says all that is needed without a look at the span, which may be going just now.
        uint entry = Volatile.Read(ref *ArenaHeader.EntryOf(address));
        nint start = (address & -PageGeometry.PageSize) - ((nint)PageEntry.PagesFromFirst(entry) << PageGeometry.PageShift);
        entry = PageEntry.IsInside(entry) ? Volatile.Read(ref *ArenaHeader.EntryOf(start)) : entry;
        if (entry == PageEntry.Unused || PageEntry.IsInside(entry))
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
        block = new BlockInfo(start + (nint)(slot * size), size, (int)sizeClass, state);
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

    private nuint RequireUsableSize(nint block, uint entry)
    {
        RequirePageStart(block, entry);
        if (_fullChecks)
        {
            if (!LiveBits.TryFindSlot(block, entry, out Span* span, out int slot))
            {
                ThrowHelper.Misuse(block, MisuseKind.InteriorPointer);
            }

            if (!LiveBits.IsSet(span, slot))
            {
                ThrowHelper.Misuse(block, MisuseKind.DoubleFree);
            }
        }

        return SizeOf(block, entry);
    }

    // A block that is a span of its own becomes longer if the pages behind it are free, and shorter always.
    private bool TryResizeInPlace(ThreadCache* cache, nint block, uint entry, nuint byteCount)
    {
        uint oldClass = PageEntry.SizeClass(entry);
        bool ownSpan = oldClass == SizeClasses.None || oldClass > (uint)SizeClasses.LastShared;
        if (!ownSpan || byteCount <= SizeClasses.MaxSharedSize || PageGeometry.PagesFor(byteCount) > (nuint)Pages.Geometry.MaxRun)
        {
            return false;
        }

        ThreadCache* owner = ThreadCachePool.ByEntry(entry);
        uint newClass = owner != Central && byteCount <= SizeClasses.MaxClassSize ? SizeClasses.Of(byteCount) : SizeClasses.None;
        int pages = newClass != SizeClasses.None ? SizeClasses.Info(newClass).Pages : (int)PageGeometry.PagesFor(byteCount);
        owner->Lock.Enter();
        bool resized = *ArenaHeader.EntryOf(block) == entry && Spans.TryResize(ArenaHeader.SpanOf(block, entry), pages, newClass, owner->OwnerTag);
        owner->Lock.Exit();
        if (resized)
        {
            NoteActivity();
        }

        return resized;
    }

    private void* Move(ThreadCache* cache, void* pointer, nuint usable, nuint byteCount, nuint alignment, bool mayStay)
    {
        // What has grown once grows again: a large block goes where as much again is free behind it.
        int room = byteCount > usable && byteCount > SizeClasses.MaxSharedSize && byteCount <= (nuint)Pages.Geometry.MaxRun << (PageGeometry.PageShift - 1)
            ? (int)PageGeometry.PagesFor(byteCount)
            : 0;
        void* moved = TryAllocate(cache, byteCount, alignment, zeroed: false, room);
        if (moved == null)
        {
            if (!mayStay || byteCount > usable)
            {
                ThrowHelper.OutOfMemory();
            }

            return pointer;
        }

        NativeMemory.Copy(pointer, moved, Math.Min(usable, byteCount));
        Free(cache, pointer);
        return moved;
    }

    private void* ReallocateOutside(ThreadCache* cache, nint block, nuint byteCount, nuint alignment)
    {
        bool found = HugeBlocks.TryFind(block, out HugeBlock huge);
        if (!found && Options.ForeignFree == ForeignFree.Forward)
        {
            return alignment == NoAlignment
                ? NativeMemory.Realloc((void*)block, byteCount)
                : NativeMemory.AlignedRealloc((void*)block, byteCount, alignment);
        }

        nuint usable = UsableSize((void*)block);
        bool aligned = ((nuint)block & (alignment - 1)) == 0;
        if (aligned && byteCount <= usable && byteCount > usable / 2)
        {
            return (void*)block;
        }

        if (alignment <= MinAlignment && PageGeometry.PagesFor(byteCount) > (nuint)Pages.Geometry.MaxRun
            && (byteCount <= usable || Arenas.IsWithinLimit(byteCount - usable)))
        {
            void* moved = HugeBlocks.TryReallocate(Os, Serial, block, byteCount);
            if (moved != null)
            {
                Arenas.AddHugeBytes((long)byteCount - (long)usable);
                return moved;
            }
        }

        return Move(cache, (void*)block, usable, byteCount, alignment, aligned);
    }
}
