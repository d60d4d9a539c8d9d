using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SpanHeap.Blocks;
using SpanHeap.Caches;
using SpanHeap.Guard;
using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Heap;

/// <summary>Resizes blocks: in place, if their kind can do that, and otherwise by copying.</summary>
/// <remarks>Thread safe. The caller must not hold a lock.</remarks>
internal sealed unsafe class BlockResizer(
    HeapState state, BlockAllocator allocator, BlockFrees frees, BlockLookup lookup, LargeBlocks large, HugeBlocks huge, GuardedBlocks? guard, PageGeometry geometry, bool fullChecks, ForeignFree foreign)
{
    /// <summary>Resizes a block, in place where possible. For null it allocates a block.</summary>
    /// <param name="cache">The calling thread's cache; <see cref="ThreadCache.None"/> if it has none yet.</param>
    /// <param name="pointer">The block, or null.</param>
    /// <param name="byteCount">The new size in bytes.</param>
    /// <param name="alignment">A power of two that the address of the block must be a multiple of.</param>
    /// <exception cref="HeapCorruptionException">The pointer is not a block of this heap. Nothing has changed.</exception>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    /// <exception cref="OutOfMemoryException">There is no memory. The block is unchanged.</exception>
    public void* Reallocate(ThreadCache* cache, void* pointer, nuint byteCount, nuint alignment)
    {
        if (TryReallocateSmall(cache, pointer, byteCount, alignment, out void* small))
        {
            return small;
        }

        void* resized = TryReallocateSlow(cache, pointer, byteCount, alignment);
        if (resized == null)
        {
            state.ThrowOutOfMemory(byteCount);
        }

        return resized;
    }

    /// <summary>Resizes a block as <see cref="Reallocate"/> does. Returns null, with the block unchanged, when there is no memory.</summary>
    /// <inheritdoc cref="Reallocate" path="/param"/>
    /// <exception cref="HeapCorruptionException">The pointer is not a block of this heap. Nothing has changed.</exception>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    public void* TryReallocate(ThreadCache* cache, void* pointer, nuint byteCount, nuint alignment) =>
        TryReallocateSmall(cache, pointer, byteCount, alignment, out void* small) ? small : TryReallocateSlow(cache, pointer, byteCount, alignment);

    // Most blocks that are resized are small.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryReallocateSmall(ThreadCache* cache, void* pointer, nuint byteCount, nuint alignment, out void* small)
    {
        state.ThrowIfDisposed();
        if (!fullChecks && alignment == BlockRequest.NoAlignment && SmallBlocks.TryResize(cache, (nint)pointer, byteCount, out small))
        {
            if (small != pointer && !ThreadCache.TryFree(cache, pointer))
            {
                frees.Free(cache, pointer);
            }

            return true;
        }

        small = null;
        return false;
    }

    private void* TryReallocateSlow(ThreadCache* cache, void* pointer, nuint byteCount, nuint alignment)
    {
        if (pointer == null)
        {
            return allocator.TryAllocate(cache, byteCount, alignment);
        }

        BlockAddress block = BlockAddress.Of((nint)pointer, state.Serial);
        if (block.Kind == BlockKind.Guarded)
        {
            return TryMoveGuarded(cache, block.Address, byteCount, alignment);
        }

        if (block.Kind == BlockKind.Foreign && foreign == ForeignFree.Forward)
        {
            return TryReallocateForeign(pointer, byteCount, alignment);
        }

        // Refuses an address that is not a block's first byte.
        nuint usable = lookup.UsableSize(block);
        bool aligned = ((nuint)block.Address & (alignment - 1)) == 0;
        void* resized = block.Kind == BlockKind.Huge ? huge.TryResize(block.Address, usable, byteCount, alignment)
            : aligned && TryStay(block, usable, byteCount) ? pointer
            : null;
        if (resized != null)
        {
            return resized;
        }

        lookup.RequireAllocated(block);
        return TryMove(cache, block, usable, byteCount, alignment, mayStay: aligned);
    }

    private static void* TryReallocateForeign(void* pointer, nuint byteCount, nuint alignment)
    {
        try
        {
            return alignment == BlockRequest.NoAlignment
                ? NativeMemory.Realloc(pointer, byteCount)
                : NativeMemory.AlignedRealloc(pointer, byteCount, alignment);
        }
        catch (OutOfMemoryException)
        {
            return null;
        }
    }

    // With full checks, a block takes some more of its slot than was requested, and gets no room to grow, so that its end is known.
    private bool TryStay(in BlockAddress block, nuint usable, nuint byteCount)
    {
        nuint slotBytes = fullChecks ? block.SlotBytes : usable;
        nuint needed = fullChecks ? CheckedBlocks.SlotBytesFor(byteCount) : byteCount;
        nuint wanted = fullChecks ? needed : GrowthPolicy.WithRoom(usable, byteCount);
        bool stays = block.Kind == BlockKind.Small ? SmallBlocks.Fits(slotBytes, needed) : TryResizeLarge(block, slotBytes, needed, wanted);
        if (stays && fullChecks)
        {
            CheckedBlocks.Arm(block.Address, byteCount);
        }

        return stays;
    }

    private bool TryResizeLarge(in BlockAddress block, nuint slotBytes, nuint needed, nuint wanted)
    {
        bool stays = large.TryResize(block, slotBytes, needed, wanted, out bool hasChanged);
        if (hasChanged)
        {
            frees.NoteActivity();
        }

        return stays;
    }

    private void* TryMove(ThreadCache* cache, in BlockAddress block, nuint usable, nuint byteCount, nuint alignment, bool mayStay)
    {
        // A block that has grown once grows again: a large block goes where as much space again is free after it.
        nuint wanted = fullChecks ? byteCount : GrowthPolicy.WithRoom(usable, byteCount);
        bool growsOn = byteCount > usable && wanted > SizeClasses.MaxSharedSize && wanted <= (nuint)geometry.MaxRun << (PageGeometry.PageShift - 1);
        int room = growsOn ? (int)PageGeometry.PagesFor(wanted) : 0;
        void* moved = allocator.TryAllocate(cache, byteCount, alignment, zeroed: false, room, extra: wanted - byteCount);
        if (moved != null && wanted > byteCount)
        {
            NoteRoom((nint)moved, byteCount);
        }

        if (moved == null && wanted != byteCount)
        {
            moved = allocator.TryAllocate(state.FindOwnCache(), byteCount, alignment);
        }

        if (moved == null)
        {
            if (!mayStay || byteCount > usable)
            {
                return null;
            }

            StayUnmoved(block.Address, byteCount);
            return (void*)block.Address;
        }

        NativeMemory.Copy((void*)block.Address, moved, Math.Min(usable, byteCount));

        // Looked up again, because the allocation may have waited in one of .NET's waits (see StackReclaimer).
        frees.Free(state.FindOwnCache(), (void*)block.Address);
        return moved;
    }

    // The block belongs to the caller alone.
    private void NoteRoom(nint block, nuint byteCount)
    {
        if (BlockAddress.Of(block, state.Serial).Kind == BlockKind.Large)
        {
            SpanSource.NoteRoom(block, byteCount);
        }
    }

    // There is no memory for a smaller block to copy to. What the smallest span of its own does not need is given back all the same.
    private void StayUnmoved(nint address, nuint byteCount)
    {
        BlockAddress block = BlockAddress.Of(address, state.Serial);
        if (block.Kind == BlockKind.Large)
        {
            if (large.TryCut(block, block.SlotBytes, fullChecks ? CheckedBlocks.SlotBytesFor(byteCount) : byteCount))
            {
                frees.NoteActivity();
            }
        }

        if (fullChecks && block.IsInSpan)
        {
            CheckedBlocks.Arm(address, byteCount);
        }
    }

    // Always to another place, so that any code that still has the old address is found.
    private void* TryMoveGuarded(ThreadCache* cache, nint block, nuint byteCount, nuint alignment)
    {
        nuint usable = guard!.BeginMove(block);
        void* moved = null;
        bool done = false;
        try
        {
            moved = TryAllocateBeside(cache, usable, byteCount, alignment);
            if (moved == null)
            {
                return null;
            }

            NativeMemory.Copy((void*)block, moved, Math.Min(usable, byteCount));
            guard.Free(block, hasMoved: true);
            done = true;
            return moved;
        }
        finally
        {
            if (!done)
            {
                // There is no memory, or bytes beside the block were overwritten: it stays as it is, and the caller's.
                guard.CancelMove(block);
                frees.Free(state.FindOwnCache(), moved);
            }
        }
    }

    private void* TryAllocateBeside(ThreadCache* cache, nuint usable, nuint byteCount, nuint alignment)
    {
        void* moved = allocator.TryAllocate(cache, byteCount, alignment);
        if (moved != null)
        {
            return moved;
        }

        guard!.CountMoving(usable, counts: false);
        try
        {
            return allocator.TryAllocate(state.FindOwnCache(), byteCount, alignment);
        }
        finally
        {
            guard.CountMoving(usable, counts: true);
        }
    }
}
