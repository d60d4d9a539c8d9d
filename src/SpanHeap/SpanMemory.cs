using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SpanHeap.Blocks;
using SpanHeap.Caches;
using SpanHeap.Contract;
using SpanHeap.Metrics;
using SpanHeap.Os;
using SpanHeap.Spans;
using SpanHeap.Threads;

namespace SpanHeap;

/// <summary>
/// Allocates and frees native memory in the shared heap of the process. The class has the twelve methods of <see cref="NativeMemory"/> with the same
/// contracts, so <c>using NativeMemory = SpanHeap.SpanMemory;</c> migrates a file, and some that <see cref="NativeMemory"/> lacks.
/// </summary>
/// <remarks>
/// All members are thread safe, and any thread may free a block. A block must be freed by the allocator that it came from: this class refuses a block
/// that <see cref="NativeMemory"/> allocated (but see <see cref="ForeignFree.Forward"/>), and a block from this class must never be passed to
/// <see cref="NativeMemory"/>. Unlike there, aligned and other blocks may be freed and resized by either family of methods, but only
/// <see cref="AlignedRealloc"/> keeps a wider alignment. Blocks of up to 8 bytes are aligned to 8 bytes, larger ones to 16.
/// <para>In a process that is not 64-bit, every call throws <see cref="PlatformNotSupportedException"/>.</para>
/// </remarks>
public static unsafe partial class SpanMemory
{
    /// <summary>Allocates a block of memory of the specified size, in bytes.</summary>
    /// <param name="byteCount">The size, in bytes, of the block. A size of 0 returns a block that must be freed and must not be dereferenced.</param>
    /// <returns>A pointer to the block, never null. Its contents are undefined.</returns>
    /// <exception cref="OutOfMemoryException">No memory of that size is available, or the heap's memory limit is reached.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void* Alloc(nuint byteCount)
    {
        if (byteCount <= SizeClasses.MaxSharedSize && ThreadRecord.TryGlanceAtShared(out ThreadCache* cache) && ThreadCache.TryAlloc(cache, byteCount, out void* block))
        {
            return block;
        }

        return AllocSlow(byteCount);
    }

    /// <summary>Allocates a block of memory of the specified size, in elements.</summary>
    /// <param name="elementCount">The count, in elements, of the block.</param>
    /// <param name="elementSize">The size, in bytes, of each element.</param>
    /// <returns>A pointer to the block, never null. Its contents are undefined.</returns>
    /// <exception cref="OutOfMemoryException">No memory of that size is available, or the product of count and size overflows.</exception>
    public static void* Alloc(nuint elementCount, nuint elementSize) => Alloc(ByteCount.Of(elementCount, elementSize));

    /// <summary>Allocates and zeroes a block of memory of the specified size, in bytes.</summary>
    /// <param name="byteCount">The size, in bytes, of the block. A size of 0 returns a block that must be freed and must not be dereferenced.</param>
    /// <returns>A pointer to the block, never null. All its <paramref name="byteCount"/> bytes are zero.</returns>
    /// <exception cref="OutOfMemoryException">No memory of that size is available, or the heap's memory limit is reached.</exception>
    public static void* AllocZeroed(nuint byteCount)
    {
        if (byteCount <= SizeClasses.MaxSharedSize && ThreadRecord.TryGlanceAtShared(out ThreadCache* cache) && ThreadCache.TryAlloc(cache, byteCount, out void* block))
        {
            ZeroMemory.ClearBlock(block, byteCount);
            return block;
        }

        return AllocZeroedSlow(byteCount);
    }

    /// <summary>Allocates and zeroes a block of memory of the specified size, in elements.</summary>
    /// <param name="elementCount">The count, in elements, of the block.</param>
    /// <param name="elementSize">The size, in bytes, of each element.</param>
    /// <returns>A pointer to the block, never null. All its bytes are zero.</returns>
    /// <exception cref="OutOfMemoryException">No memory of that size is available, or the product of count and size overflows.</exception>
    public static void* AllocZeroed(nuint elementCount, nuint elementSize) => AllocZeroed(ByteCount.Of(elementCount, elementSize));

    /// <summary>Frees a block of memory.</summary>
    /// <param name="ptr">A pointer to a block of the heap, or null, which does nothing.</param>
    /// <exception cref="HeapCorruptionException">
    /// The pointer is not a block of the heap. Foreign pointers and pointers into free pages are always refused; other misuse is refused with
    /// <see cref="HeapChecks.Full"/> and found later without. The heap is unchanged.
    /// </exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Free(void* ptr)
    {
        if (!ThreadRecord.TryGlanceAtShared(out ThreadCache* cache) || !ThreadCache.TryFree(cache, ptr))
        {
            FreeSlow(ptr);
        }
    }

    /// <summary>Reallocates a block of memory to be the specified size, in bytes.</summary>
    /// <param name="ptr">The previously allocated block, or null to allocate one.</param>
    /// <param name="byteCount">The size, in bytes, of the block. A size of 0 returns a block that must be freed and must not be dereferenced.</param>
    /// <returns>
    /// A pointer to the block, never null, aligned as by <see cref="Alloc(nuint)"/> whatever the alignment of the old block. Contents are preserved up to
    /// the lesser of the old and the new size. The old pointer stays valid only if it is the same.
    /// </returns>
    /// <exception cref="OutOfMemoryException">No memory of that size is available. The old block is unchanged.</exception>
    /// <exception cref="HeapCorruptionException">The pointer is not a block of the heap. The heap is unchanged.</exception>
    public static void* Realloc(void* ptr, nuint byteCount) =>
        MeteredSharedHeap.Require().Resizer.Reallocate(ThreadRecord.Current->Shared, ptr, byteCount, BlockRequest.NoAlignment);

    /// <summary>Allocates an aligned block of memory of the specified size and alignment, in bytes.</summary>
    /// <param name="byteCount">The size, in bytes, of the block. A size of 0 returns a block that must be freed and must not be dereferenced.</param>
    /// <param name="alignment">The alignment, in bytes, of the block. This must be a power of two.</param>
    /// <returns>A pointer to the block, never null. Its contents are undefined.</returns>
    /// <exception cref="ArgumentException"><paramref name="alignment"/> is not a power of two.</exception>
    /// <exception cref="OutOfMemoryException">No memory of that size and alignment is available.</exception>
    public static void* AlignedAlloc(nuint byteCount, nuint alignment)
    {
        ByteCount.RequirePowerOfTwo(alignment);
        ThreadCache* cache = ThreadRecord.Current->Shared;
        if (SizeClasses.TryOfSharedAligned(byteCount, alignment, out uint sizeClass)
            && ThreadCache.TryPop(cache, sizeClass, out void* block))
        {
            return block;
        }

        return MeteredSharedHeap.Require().Allocator.AllocateAligned(cache, byteCount, alignment);
    }

    /// <summary>Reallocates an aligned block of memory to be the specified size and alignment, in bytes.</summary>
    /// <param name="ptr">The previously allocated block, or null to allocate one.</param>
    /// <param name="byteCount">The size, in bytes, of the block. A size of 0 returns a block that must be freed and must not be dereferenced.</param>
    /// <param name="alignment">The alignment, in bytes, of the block. This must be a power of two, and may differ from the old alignment.</param>
    /// <returns>A pointer to the block, never null. Contents are preserved up to the lesser of the old and the new size.</returns>
    /// <exception cref="ArgumentException"><paramref name="alignment"/> is not a power of two.</exception>
    /// <exception cref="OutOfMemoryException">No memory of that size and alignment is available. The old block is unchanged.</exception>
    /// <exception cref="HeapCorruptionException">The pointer is not a block of the heap. The heap is unchanged.</exception>
    public static void* AlignedRealloc(void* ptr, nuint byteCount, nuint alignment)
    {
        ByteCount.RequirePowerOfTwo(alignment);
        return MeteredSharedHeap.Require().Resizer.Reallocate(ThreadRecord.Current->Shared, ptr, byteCount, alignment);
    }

    /// <summary>Frees an aligned block of memory.</summary>
    /// <param name="ptr">A pointer to a block of the heap, or null, which does nothing.</param>
    /// <exception cref="HeapCorruptionException">
    /// The pointer is not a block of the heap, under the same conditions as for <see cref="Free"/>. The heap is unchanged.
    /// </exception>
    public static void AlignedFree(void* ptr)
    {
        ThreadCache* cache = ThreadRecord.Current->Shared;
        if (ptr != null && !ThreadCache.TryFree(cache, ptr))
        {
            MeteredSharedHeap.Require().Frees.Free(cache, ptr, aligned: true);
        }
    }

    /// <summary>Clears a block of memory.</summary>
    /// <param name="ptr">A pointer to the memory that should be cleared.</param>
    /// <param name="byteCount">The size, in bytes, of the memory.</param>
    public static void Clear(void* ptr, nuint byteCount) => NativeMemory.Clear(ptr, byteCount);

    /// <summary>Copies a block of memory from one location to another. The two may overlap.</summary>
    /// <param name="source">A pointer to the memory to copy from.</param>
    /// <param name="destination">A pointer to the memory to copy to.</param>
    /// <param name="byteCount">The size, in bytes, to copy.</param>
    public static void Copy(void* source, void* destination, nuint byteCount) => NativeMemory.Copy(source, destination, byteCount);

    /// <summary>Fills a block of memory with the specified byte.</summary>
    /// <param name="ptr">A pointer to the memory that should be filled.</param>
    /// <param name="byteCount">The size, in bytes, of the memory.</param>
    /// <param name="value">The byte to fill the memory with.</param>
    public static void Fill(void* ptr, nuint byteCount, byte value) => NativeMemory.Fill(ptr, byteCount, value);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void* AllocSlow(nuint byteCount)
    {
        ThreadCache* cache = ThreadRecord.FindShared(out bool wasGlancedAt);
        return !wasGlancedAt && byteCount <= SizeClasses.MaxSharedSize && ThreadCache.TryAlloc(cache, byteCount, out void* block)
            ? block
            : MeteredSharedHeap.Require().Allocator.Allocate(cache, byteCount, zeroed: false);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void* AllocZeroedSlow(nuint byteCount) =>
        MeteredSharedHeap.Require().Allocator.Allocate(ThreadRecord.Current->Shared, byteCount, zeroed: true);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void FreeSlow(void* ptr)
    {
        ThreadCache* cache = ThreadRecord.FindShared(out bool wasGlancedAt);
        if (ptr != null && !ThreadCache.TryGather(cache, (nint)ptr) && (wasGlancedAt || !ThreadCache.TryFree(cache, ptr)))
        {
            MeteredSharedHeap.Require().Frees.Free(cache, ptr);
        }
    }
}
