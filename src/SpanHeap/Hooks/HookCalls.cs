using System.Numerics;
using System.Runtime.CompilerServices;
using SpanHeap.Blocks;
using SpanHeap.Caches;
using SpanHeap.Contract;
using SpanHeap.Heap;
using SpanHeap.Os;
using SpanHeap.Spans;

namespace SpanHeap.Hooks;

/// <summary>What hooks do: the operations of a heap, which give null where there is no memory, and end the process where a pointer is bad.</summary>
/// <remarks>
/// Thread safe. No exception leaves this class: native code called it. The fast paths cannot throw, so only the slow paths, which are methods of their
/// own, have handlers.
/// </remarks>
internal static unsafe class HookCalls
{
    // What libraries that ask for it expect as the least.
    private const int LeastRounding = 8;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void* Allocate(HookTarget* target, nuint byteCount)
    {
        ThreadCache* cache = HookTarget.FindCache(target);
        return byteCount <= SizeClasses.MaxSharedSize && ThreadCache.TryAlloc(cache, byteCount, out void* block)
            ? block
            : AllocateSlow(target, cache, byteCount, BlockRequest.NoAlignment, zeroed: false);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void* Allocate(HookTarget* target, int byteCount) => byteCount >= 0 ? Allocate(target, (nuint)byteCount) : null;

    public static void* AllocateZeroed(HookTarget* target, nuint elementCount, nuint elementSize)
    {
        nuint byteCount = ByteCount.Of(elementCount, elementSize);
        ThreadCache* cache = HookTarget.FindCache(target);
        if (byteCount <= SizeClasses.MaxSharedSize && ThreadCache.TryAlloc(cache, byteCount, out void* block))
        {
            ZeroMemory.ClearBlock(block, byteCount);
            return block;
        }

        return AllocateSlow(target, cache, byteCount, BlockRequest.NoAlignment, zeroed: true);
    }

    public static void* AllocateZeroed(HookTarget* target, int elementCount, int elementSize) =>
        elementCount >= 0 && elementSize >= 0 ? AllocateZeroed(target, (nuint)elementCount, (nuint)elementSize) : null;

    /// <summary>Allocates a block at an alignment; null also when that is no power of two.</summary>
    public static void* AllocateAligned(HookTarget* target, nuint byteCount, nuint alignment)
    {
        if (!BitOperations.IsPow2(alignment))
        {
            return null;
        }

        ThreadCache* cache = HookTarget.FindCache(target);
        return SizeClasses.TryOfSharedAligned(byteCount, alignment, out uint sizeClass) && ThreadCache.TryPop(cache, sizeClass, out void* block)
            ? block
            : AllocateSlow(target, cache, byteCount, alignment, zeroed: false);
    }

    /// <summary>Frees a block; null is ignored.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Free(HookTarget* target, void* pointer)
    {
        ThreadCache* cache = HookTarget.FindCache(target);
        if (!ThreadCache.TryFree(cache, pointer))
        {
            FreeSlow(target, cache, pointer);
        }
    }

    /// <summary>
    /// Resizes a block, or allocates one for null. Returns null, with the block as it was, when there is no memory, which never happens when the block
    /// is to become smaller.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void* Reallocate(HookTarget* target, void* pointer, nuint byteCount) =>
        pointer == null ? Allocate(target, byteCount) : ReallocateSlow(target, pointer, byteCount, BlockRequest.NoAlignment);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void* Reallocate(HookTarget* target, void* pointer, int byteCount) => byteCount >= 0 ? Reallocate(target, pointer, (nuint)byteCount) : null;

    /// <summary>Does the same at an alignment; null also when that is no power of two.</summary>
    public static void* ReallocateAligned(HookTarget* target, void* pointer, nuint byteCount, nuint alignment) =>
        pointer == null ? AllocateAligned(target, byteCount, alignment)
        : BitOperations.IsPow2(alignment) ? ReallocateSlow(target, pointer, byteCount, alignment)
        : null;

    /// <summary>Gets the bytes of a block that may be used; 0 for null.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static nuint UsableSize(HookTarget* target, void* pointer) =>
        HookTarget.HasSizesBySlot(target) && SmallBlocks.TryGetSize(HookTarget.FindCache(target), (nint)pointer, out nuint byteCount)
            ? byteCount
            : UsableSizeSlow(target, pointer);

    /// <summary>Gets as many of them as the type can count.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int UsableSizeInt32(HookTarget* target, void* pointer) => (int)nuint.Min(UsableSize(target, pointer), int.MaxValue);

    /// <summary>Gets the size that a request may be rounded up to, because the block has it anyway.</summary>
    public static int RoundUp(HookTarget* target, int byteCount)
    {
        if (byteCount >= 0 && (nuint)byteCount <= SizeClasses.MaxSharedSize && !HookTarget.WantsExactSizes(target))
        {
            return (int)SizeClasses.Info(SizeClasses.OfShared((nuint)byteCount)).Size;
        }

        return byteCount <= int.MaxValue - LeastRounding ? (byteCount + (LeastRounding - 1)) & -LeastRounding : byteCount;
    }

#pragma warning disable CA1031 // Whatever it is that has gone wrong, it must not cross native frames.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void* AllocateSlow(HookTarget* target, ThreadCache* cache, nuint byteCount, nuint alignment, bool zeroed)
    {
        HeapCore core = Require(target);
        try
        {
            return core.Allocator.TryAllocate(cache, byteCount, alignment, zeroed);
        }
        catch (OutOfMemoryException)
        {
            return null;
        }
        catch (Exception error)
        {
            HookFailure.End(core, error);
            return null;
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void FreeSlow(HookTarget* target, ThreadCache* cache, void* pointer)
    {
        if (pointer == null)
        {
            return;
        }

        HeapCore core = Require(target);
        try
        {
            core.Frees.Free(cache, pointer);
        }
        catch (Exception error)
        {
            HookFailure.End(core, error);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void* ReallocateSlow(HookTarget* target, void* pointer, nuint byteCount, nuint alignment)
    {
        HeapCore core = Require(target);
        try
        {
            return ReallocateOrStay(core, HookTarget.FindCache(target), pointer, byteCount, alignment);
        }
        catch (Exception error)
        {
            HookFailure.End(core, error);
            return null;
        }
    }

    private static void* ReallocateOrStay(HeapCore core, ThreadCache* cache, void* pointer, nuint byteCount, nuint alignment)
    {
        void* resized = null;
        try
        {
            resized = core.Resizer.TryReallocate(cache, pointer, byteCount, alignment);
        }
        catch (OutOfMemoryException)
        {
            // Managed memory is short, too.
        }

        return resized == null && MayStay(core, (nint)pointer, byteCount, alignment) ? pointer : resized;
    }

    // A guarded block always moves, for which there may be no memory; it is as it was. So is a block that the heap passes on to another allocator,
    // which alone knows its size.
    private static bool MayStay(HeapCore core, nint block, nuint byteCount, nuint alignment) =>
        ((nuint)block & (alignment - 1)) == 0
        && BlockAddress.Of(block, core.Serial).Kind != BlockKind.Foreign
        && byteCount <= core.UsableSize(block);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static nuint UsableSizeSlow(HookTarget* target, void* pointer)
    {
        if (pointer == null)
        {
            return 0;
        }

        HeapCore core = Require(target);
        try
        {
            return core.UsableSize((nint)pointer);
        }
        catch (Exception error)
        {
            HookFailure.End(core, error);
            return 0;
        }
    }
#pragma warning restore CA1031

    private static HeapCore Require(HookTarget* target)
    {
        HeapCore? core = HookTarget.CoreOf(target);
        if (core == null)
        {
            HookFailure.EndWithoutHeap(target);
        }

        return core;
    }
}
