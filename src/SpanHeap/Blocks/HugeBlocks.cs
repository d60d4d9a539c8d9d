using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Blocks;

/// <summary>
/// Manages blocks that no arena can hold because of their size or alignment. The platform allocates them, and the <see cref="HugeBlockTable"/>
/// records them.
/// </summary>
/// <remarks>Thread safe. The caller must not hold a lock.</remarks>
/// <param name="os">The system.</param>
/// <param name="limit">The limit, towards which the blocks count.</param>
/// <param name="cache">The freed blocks that stay mapped for a while.</param>
/// <param name="clock">The heap's time.</param>
/// <param name="heapSerial">The heap's serial number.</param>
/// <param name="keepsFreed">Whether freed blocks are kept. With full checks they are released at once, so that an access to one faults.</param>
internal sealed unsafe class HugeBlocks(OsMemory os, HeapLimit limit, HugeBlockCache cache, HeapEpoch clock, ulong heapSerial, bool keepsFreed)
{
    /// <summary>Allocates a block. Returns null, with the reason in the request, when there is none.</summary>
    public void* TryAllocate(nuint byteCount, ref BlockRequest request)
    {
        LockOrder.AssertNoneHeld();
        byteCount = Math.Max(byteCount, 1);
        if (cache.TryTake(byteCount, request.Alignment, clock.Now, out HugeBlock kept))
        {
            request.NeedsZero = true;
            return (void*)kept.Address;
        }

        request.NeedsZero = false;
        request.IsAtLimit = false;
        if (byteCount > (nuint)nint.MaxValue)
        {
            return null;
        }

        if (!TryCharge(byteCount))
        {
            request.IsAtLimit = true;
            return null;
        }

        void* block = HugeBlockTable.TryAllocate(os, heapSerial, byteCount, request.Alignment, request.Zeroed);
        if (block == null)
        {
            limit.AddHugeBytes(-(long)byteCount);
        }

        return block;
    }

    /// <summary>Frees a block. Returns false, with nothing changed, when it no longer belongs to the heap.</summary>
    public bool TryFree(nint address)
    {
        LockOrder.AssertNoneHeld();
        HugeBlock block;
        if (keepsFreed)
        {
            bool kept = HugeBlockTable.TryKeep(heapSerial, address, out block);
            if (kept)
            {
                cache.Keep(block, clock.Now);
            }

            return kept;
        }

        bool removed = HugeBlockTable.TryRemove(heapSerial, address, out block);
        if (removed)
        {
            cache.ReleaseRemoved(block);
        }

        return removed;
    }

    /// <summary>Resizes a block where the platform can change its size without moving bytes.</summary>
    /// <param name="address">The block, which belongs to the caller.</param>
    /// <param name="usable">The block's size in bytes.</param>
    /// <param name="byteCount">The new size in bytes.</param>
    /// <param name="alignment">The alignment of its old address, or of the new one if it moves.</param>
    /// <returns>The address of the block now; null, with nothing changed, when it must be copied.</returns>
    public void* TryResize(nint address, nuint usable, nuint byteCount, nuint alignment)
    {
        if (((nuint)address & (alignment - 1)) != 0)
        {
            return null;
        }

        if (byteCount <= usable && !GrowthPolicy.IsWorthCutting(usable, byteCount))
        {
            return (void*)address;
        }

        // A block that has become small moves to an arena.
        bool grows = byteCount > usable;
        if (byteCount <= SizeClasses.MaxClassSize || byteCount > (nuint)nint.MaxValue || (grows && !TryCharge(byteCount - usable)))
        {
            return null;
        }

        void* resized = alignment <= BlockRequest.MinAlignment ? HugeBlockTable.TryReallocate(os, heapSerial, address, byteCount) : null;
        if (resized == null && !grows && HugeBlockTable.TryCut(os, heapSerial, address, byteCount))
        {
            resized = (void*)address;
        }

        long charged = grows ? (long)(byteCount - usable) : 0;
        long due = resized != null ? (long)byteCount - (long)usable : 0;
        limit.AddHugeBytes(due - charged);
        return resized;
    }

    // Blocks that are kept for reuse make way first.
    private bool TryCharge(nuint byteCount) => limit.TryAddHugeBytes(byteCount) || (cache.ReleaseAll() && limit.TryAddHugeBytes(byteCount));
}
