using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Caches;

/// <summary>Resizing.</summary>
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
        if (aligned && (fits || TryResizeInPlace(block, entry, byteCount)))
        {
            return pointer;
        }

        return Move(cache, pointer, usable, byteCount, alignment, aligned);
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
