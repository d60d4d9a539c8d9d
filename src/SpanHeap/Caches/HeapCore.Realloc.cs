using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Caches;

/// <summary>Resizing.</summary>
internal sealed unsafe partial class HeapCore
{
    // Bytes of the smallest block that is a span of its own.
    private const nuint SmallestOwnSpan = SizeClasses.MaxSharedSize + 1;

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
        if (!ArenaMap.Holds(block))
        {
            return ReallocateOutside(cache, block, byteCount, alignment);
        }

        uint entry = RequireOwnEntry(block);
        if (PageEntry.IsGuarded(entry))
        {
            return ReallocateGuarded(cache, block, byteCount, alignment);
        }

        nuint usable = RequireUsableSize(block, entry);
        bool aligned = ((nuint)block & (alignment - 1)) == 0;
        if (aligned && TryStay(block, entry, usable, byteCount))
        {
            return pointer;
        }

        RequireAllocated(block, entry);
        return Move(cache, pointer, usable, byteCount, alignment, aligned);
    }

    // A block of n bytes takes n bytes of its slot, or with full checks some more, and gets no room, so that it can be told what lies
    // behind it.
    private bool TryStay(nint block, uint entry, nuint usable, nuint byteCount)
    {
        if (!_fullChecks)
        {
            return TryStay(block, entry, usable, byteCount, ResizePolicy.WithRoom(usable, byteCount));
        }

        nuint needed = byteCount <= nuint.MaxValue - BlockCanary.Bytes ? byteCount + BlockCanary.Bytes : nuint.MaxValue;
        bool stays = TryStay(block, entry, SizeOf(block, entry), needed, needed);
        if (stays)
        {
            Arm(block, byteCount);
        }

        return stays;
    }

    private bool TryStay(nint block, uint entry, nuint slotBytes, nuint needed, nuint wanted)
    {
        bool ownSpan = SizeClasses.IsOwnSpan(PageEntry.SizeClass(entry));
        if (needed > slotBytes)
        {
            return ownSpan && (TryResizeInPlace(block, entry, wanted, needed) || (wanted != needed && TryResizeInPlace(block, entry, needed, needed)));
        }

        // Of a block that is growing, the room that it was given for that is not too much.
        bool isMuchLess = ownSpan && ResizePolicy.IsWorthCutting(slotBytes, needed);
        nuint asked = isMuchLess ? SpanSource.BytesWithoutRoom(block, slotBytes) : slotBytes;
        if (needed <= SizeClasses.MaxSharedSize && ResizePolicy.IsWorthMoving(asked, needed))
        {
            return false;
        }

        if (isMuchLess)
        {
            CutIfWorth(block, entry, asked, needed);
        }

        return true;
    }

    private void CutIfWorth(nint block, uint entry, nuint asked, nuint byteCount)
    {
        nuint least = Math.Max(byteCount, SmallestOwnSpan);
        if (ResizePolicy.IsWorthCutting(asked, least))
        {
            TryResizeInPlace(block, entry, least, least);
        }
    }

    // Always elsewhere, so that who still has the old address is found.
    private void* ReallocateGuarded(ThreadCache* cache, nint block, nuint byteCount, nuint alignment)
    {
        nuint usable = _guard!.BeginMove(block);
        void* moved = null;
        bool done = false;
        try
        {
            moved = TryAllocateBeside(cache, usable, byteCount, alignment);
            if (moved == null)
            {
                ThrowOutOfMemory(byteCount);
            }

            NativeMemory.Copy((void*)block, moved, Math.Min(usable, byteCount));
            _guard.Free(block, hasMoved: true);
            done = true;
            return moved;
        }
        finally
        {
            if (!done)
            {
                // There is no memory, or bytes beside the block were written to: it stays as it is, and the caller's.
                _guard.CancelMove(block);
                Free(FindOwnCache(), moved);
            }
        }
    }

    private void* TryAllocateBeside(ThreadCache* cache, nuint usable, nuint byteCount, nuint alignment)
    {
        void* moved = TryAllocate(cache, byteCount, alignment, zeroed: false, room: 0);
        if (moved == null)
        {
            _guard!.CountMoving(usable, counts: false);
            try
            {
                moved = TryAllocate(FindOwnCache(), byteCount, alignment, zeroed: false, room: 0);
            }
            finally
            {
                _guard.CountMoving(usable, counts: true);
            }
        }

        return moved;
    }

    // A block that is a span of its own becomes longer if the pages behind it are free, and shorter always. What is asked for beyond
    // what is needed is room for growth.
    private bool TryResizeInPlace(nint block, uint entry, nuint byteCount, nuint needed)
    {
        if (byteCount <= SizeClasses.MaxSharedSize || PageGeometry.PagesFor(byteCount) > (nuint)Pages.Geometry.MaxRun)
        {
            return false;
        }

        ThreadCache* owner = ThreadCachePool.ByEntry(entry);
        uint newClass = owner != Central && byteCount <= SizeClasses.MaxClassSize ? SizeClasses.Of(byteCount) : SizeClasses.None;
        int pages = newClass != SizeClasses.None ? SizeClasses.Info(newClass).Pages : (int)PageGeometry.PagesFor(byteCount);
        int room = byteCount > needed ? pages - (int)PageGeometry.PagesFor(needed) : 0;
        owner->Lock.Enter();
        bool resized = *ArenaHeader.EntryOf(block) == entry && Spans.TryResize(ArenaHeader.SpanOf(block, entry), pages, newClass, owner->OwnerTag, room);
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
        nuint wanted = _fullChecks ? byteCount : ResizePolicy.WithRoom(usable, byteCount);
        int room = byteCount > usable && wanted > SizeClasses.MaxSharedSize && wanted <= (nuint)Pages.Geometry.MaxRun << (PageGeometry.PageShift - 1)
            ? (int)PageGeometry.PagesFor(wanted)
            : 0;
        void* moved = TryAllocate(cache, byteCount, alignment, zeroed: false, room, extra: wanted - byteCount);
        if (moved != null && wanted > byteCount)
        {
            NoteRoom((nint)moved, byteCount);
        }

        if (moved == null && wanted != byteCount)
        {
            moved = TryAllocate(FindOwnCache(), byteCount, alignment, zeroed: false, room: 0);
        }

        if (moved == null)
        {
            if (!mayStay || byteCount > usable)
            {
                ThrowOutOfMemory(byteCount);
            }

            StayUnmoved((nint)pointer, byteCount);
            return pointer;
        }

        NativeMemory.Copy(pointer, moved, Math.Min(usable, byteCount));

        // Looked for again, because the allocation may have waited in .NET's way (see StackReclaimer).
        Free(FindOwnCache(), pointer);
        return moved;
    }

    // The block is the caller's alone.
    private static void NoteRoom(nint block, nuint byteCount)
    {
        uint entry = ArenaMap.IsInArena(block) ? Volatile.Read(ref *ArenaHeader.EntryOf(block)) : PageEntry.Unused;
        if (PageEntry.IsOfBlocks(entry) && SizeClasses.IsOwnSpan(PageEntry.SizeClass(entry)))
        {
            SpanSource.NoteRoom(block, byteCount);
        }
    }

    // There is no memory for a smaller block to copy to. What the smallest span of its own does not need goes back all the same.
    private void StayUnmoved(nint block, nuint byteCount)
    {
        uint entry = ArenaMap.IsInArena(block) ? Volatile.Read(ref *ArenaHeader.EntryOf(block)) : PageEntry.Unused;
        if (PageEntry.IsOfBlocks(entry))
        {
            if (SizeClasses.IsOwnSpan(PageEntry.SizeClass(entry)))
            {
                CutIfWorth(block, entry, SizeOf(block, entry), byteCount + (_fullChecks ? BlockCanary.Bytes : 0));
            }

            if (_fullChecks)
            {
                Arm(block, byteCount);
            }
        }
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

        if (found && IsOwnGuarded(huge))
        {
            return ReallocateGuarded(cache, block, byteCount, alignment);
        }

        // Refuses what is no block's start; the size that counts is the one of the moment when the block is resized.
        nuint usable = UsableSize((void*)block);
        bool aligned = ((nuint)block & (alignment - 1)) == 0;
        if (aligned && byteCount <= usable && !ResizePolicy.IsWorthCutting(usable, byteCount))
        {
            return (void*)block;
        }

        // What has become small moves to an arena. The rest stays what it is, where the platform moves no byte for a new size.
        void* resized = aligned && byteCount > SizeClasses.MaxClassSize ? TryResizeHuge(block, usable, byteCount, alignment) : null;
        return resized != null ? resized : Move(cache, (void*)block, usable, byteCount, alignment, aligned);
    }

    private void* TryResizeHuge(nint block, nuint usable, nuint byteCount, nuint alignment)
    {
        bool grows = byteCount > usable;
        if (byteCount > (nuint)nint.MaxValue || (grows && !TryChargeHuge(byteCount - usable)))
        {
            return null;
        }

        void* resized = alignment <= MinAlignment ? HugeBlocks.TryReallocate(Os, Serial, block, byteCount) : null;
        if (resized == null && !grows && HugeBlocks.TryCut(Os, Serial, block, byteCount))
        {
            resized = (void*)block;
        }

        long charged = grows ? (long)(byteCount - usable) : 0;
        long due = resized != null ? (long)byteCount - (long)usable : 0;
        Arenas.AddHugeBytes(due - charged);
        return resized;
    }

    // Huge blocks that are kept for reuse make way first.
    private bool TryChargeHuge(nuint byteCount) => Arenas.TryAddHugeBytes(byteCount) || (HugeCache.GiveUpAll() && Arenas.TryAddHugeBytes(byteCount));
}
