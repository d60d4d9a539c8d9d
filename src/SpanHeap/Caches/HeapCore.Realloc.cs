using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Caches;

/// <summary>Resizing.</summary>
internal sealed unsafe partial class HeapCore
{
    // Below this, a block that is too large is not worth moving.
    private const nuint SmallestShrunk = 64;

    // Blocks of these sizes that must grow become twice as large at least, so that what grows in small steps is not copied at each.
    // Below, the copy costs less than the memory; above, a step is small beside the copy it may save, and the memory is not.
    private const nuint SmallestDoubled = 4 * 1024;
    private const nuint LargestDoubled = 2 * 1024 * 1024;

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

        return Move(cache, pointer, usable, byteCount, alignment, aligned);
    }

    // A block of n bytes takes n bytes of its slot, or with full checks some more.
    private bool TryStay(nint block, uint entry, nuint usable, nuint byteCount)
    {
        if (_fullChecks)
        {
            nuint slotBytes = SizeOf(block, entry);
            nuint needed = byteCount <= nuint.MaxValue - BlockCanary.Bytes ? byteCount + BlockCanary.Bytes : nuint.MaxValue;
            bool stays = (needed <= slotBytes && (IsWorthKeeping(slotBytes, needed) || slotBytes <= SmallestShrunk)) || TryResizeInPlace(block, entry, needed);
            if (stays)
            {
                Arm(block, byteCount);
            }

            return stays;
        }

        nuint wanted = WithRoom(usable, byteCount);
        bool fits = byteCount <= usable && (IsWorthKeeping(usable, byteCount) || usable <= SmallestShrunk);
        return fits || TryResizeInPlace(block, entry, wanted) || (wanted != byteCount && TryResizeInPlace(block, entry, byteCount));
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
                Free(cache, moved);
            }
        }
    }

    private void* TryAllocateBeside(ThreadCache* cache, nuint usable, nuint byteCount, nuint alignment)
    {
        void* moved = TryAllocate(cache, byteCount, alignment, zeroed: false, room: 0);
        if (moved == null)
        {
            _guard!.CountMoving(usable, counts: false);
            moved = TryAllocate(cache, byteCount, alignment, zeroed: false, room: 0);
            _guard.CountMoving(usable, counts: true);
        }

        return moved;
    }

    // A block that is a span of its own becomes longer if the pages behind it are free, and shorter always.
    private bool TryResizeInPlace(nint block, uint entry, nuint byteCount)
    {
        if (!SizeClasses.IsOwnSpan(PageEntry.SizeClass(entry)) || byteCount <= SizeClasses.MaxSharedSize || PageGeometry.PagesFor(byteCount) > (nuint)Pages.Geometry.MaxRun)
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

    // Less than half, because what grows by a little gets twice the room and up to a quarter more by its class, and is to stay there.
    private static bool IsWorthKeeping(nuint usable, nuint byteCount) => byteCount > usable / 8 * 3;

    // How much to ask for when a block that can hold so much is to hold more (or less). The one byte more makes 32 KiB a span of its
    // own, which grows in place from then on.
    private static nuint WithRoom(nuint usable, nuint byteCount) =>
        byteCount > usable && usable is >= SmallestDoubled and <= LargestDoubled ? Math.Max(byteCount, (2 * usable) + 1) : byteCount;

    private void* Move(ThreadCache* cache, void* pointer, nuint usable, nuint byteCount, nuint alignment, bool mayStay)
    {
        // What has grown once grows again: a large block goes where as much again is free behind it.
        // (With full checks a block has the size that was asked for, so that it can be told what lies behind it.)
        nuint wanted = _fullChecks ? byteCount : WithRoom(usable, byteCount);
        int room = byteCount > usable && wanted > SizeClasses.MaxSharedSize && wanted <= (nuint)Pages.Geometry.MaxRun << (PageGeometry.PageShift - 1)
            ? (int)PageGeometry.PagesFor(wanted)
            : 0;
        void* moved = TryAllocate(cache, byteCount, alignment, zeroed: false, room, extra: wanted - byteCount);
        if (moved == null && wanted != byteCount)
        {
            moved = TryAllocate(cache, byteCount, alignment, zeroed: false, room: 0);
        }

        if (moved == null)
        {
            if (!mayStay || byteCount > usable)
            {
                ThrowOutOfMemory(byteCount);
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

        if (found && IsOwnGuarded(huge))
        {
            return ReallocateGuarded(cache, block, byteCount, alignment);
        }

        nuint usable = UsableSize((void*)block);
        bool aligned = ((nuint)block & (alignment - 1)) == 0;
        if (aligned && byteCount <= usable && IsWorthKeeping(usable, byteCount))
        {
            return (void*)block;
        }

        if (alignment <= MinAlignment && PageGeometry.PagesFor(byteCount) > (nuint)Pages.Geometry.MaxRun
            && byteCount <= (nuint)nint.MaxValue && (byteCount <= usable || Arenas.TryAddHugeBytes(byteCount - usable)))
        {
            void* moved = HugeBlocks.TryReallocate(Os, Serial, block, byteCount);
            if (moved != null)
            {
                Arenas.AddHugeBytes(Math.Min(0, (long)byteCount - (long)usable));
                return moved;
            }

            Arenas.AddHugeBytes(-Math.Max(0, (long)byteCount - (long)usable));
        }

        return Move(cache, (void*)block, usable, byteCount, alignment, aligned);
    }
}
