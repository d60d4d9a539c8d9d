using System.Runtime.CompilerServices;
using SpanHeap.Blocks;
using SpanHeap.Caches;
using SpanHeap.Contract;
using SpanHeap.Heap;
using SpanHeap.Metrics;
using SpanHeap.Spans;
using SpanHeap.Threads;

namespace SpanHeap;

// What NativeMemory lacks: methods that are typed, that return null instead of throwing, and that say how large a block will be.
public static unsafe partial class SpanMemory
{
    /// <summary>Allocates a block for the specified number of values.</summary>
    /// <typeparam name="T">The type of the values.</typeparam>
    /// <param name="count">The number of values.</param>
    /// <returns>A pointer to the first value, never null. The contents are undefined.</returns>
    /// <exception cref="OutOfMemoryException">No memory of that size is available, or the size overflows.</exception>
    public static T* Alloc<T>(nuint count)
        where T : unmanaged => (T*)Alloc(count, (nuint)sizeof(T));

    /// <inheritdoc cref="Alloc{T}(nuint)"/>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="count"/> is negative.</exception>
    public static T* Alloc<T>(int count)
        where T : unmanaged => (T*)Alloc(ByteCount.OfCount(count, sizeof(T)));

    /// <summary>Allocates and zeroes a block for the specified number of values.</summary>
    /// <typeparam name="T">The type of the values.</typeparam>
    /// <param name="count">The number of values.</param>
    /// <returns>A pointer to the first value, never null. All values are zero.</returns>
    /// <exception cref="OutOfMemoryException">No memory of that size is available, or the size overflows.</exception>
    public static T* AllocZeroed<T>(nuint count)
        where T : unmanaged => (T*)AllocZeroed(count, (nuint)sizeof(T));

    /// <inheritdoc cref="AllocZeroed{T}(nuint)"/>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="count"/> is negative.</exception>
    public static T* AllocZeroed<T>(int count)
        where T : unmanaged => (T*)AllocZeroed(ByteCount.OfCount(count, sizeof(T)));

    /// <summary>
    /// Resizes a block to hold the specified number of values. Contents are preserved up to the lesser of the old and the new size.
    /// </summary>
    /// <typeparam name="T">The type of the values.</typeparam>
    /// <param name="ptr">A pointer to the block, or null to allocate one.</param>
    /// <param name="count">The number of values.</param>
    /// <returns>A pointer to the first value, never null. The old pointer stays valid only if it is the same.</returns>
    /// <exception cref="OutOfMemoryException">No memory of that size is available. The old block is unchanged.</exception>
    /// <exception cref="HeapCorruptionException">The pointer is not a block of the heap. The heap is unchanged.</exception>
    public static T* Realloc<T>(T* ptr, nuint count)
        where T : unmanaged => (T*)Realloc((void*)ptr, ByteCount.Of(count, (nuint)sizeof(T)));

    /// <inheritdoc cref="Realloc{T}(T*, nuint)"/>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="count"/> is negative. The old block is unchanged.</exception>
    public static T* Realloc<T>(T* ptr, int count)
        where T : unmanaged => (T*)Realloc((void*)ptr, ByteCount.OfCount(count, sizeof(T)));

    /// <summary>Allocates a block of memory of the specified size, in bytes, if there is memory for it.</summary>
    /// <param name="byteCount">The size, in bytes, of the block. A size of 0 returns a block that must be freed and must not be dereferenced.</param>
    /// <returns>
    /// A pointer to the block, whose contents are undefined; null if no memory of that size is available or the heap's memory limit is reached.
    /// </returns>
    /// <remarks>As much is done to find memory as by <see cref="Alloc(nuint)"/>, which throws an exception in that case.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void* TryAlloc(nuint byteCount)
    {
        if (byteCount <= SizeClasses.MaxSharedSize && ThreadRecord.TryGlanceAtShared(out ThreadCache* cache) && ThreadCache.TryAlloc(cache, byteCount, out void* block))
        {
            return block;
        }

        return TryAllocSlow(byteCount);
    }

    /// <summary>Reallocates a block of memory to be the specified size, in bytes, if there is memory for it.</summary>
    /// <param name="ptr">The previously allocated block, or null to allocate one.</param>
    /// <param name="byteCount">The size, in bytes, of the block. A size of 0 returns a block that must be freed and must not be dereferenced.</param>
    /// <returns>
    /// A pointer to the block, as <see cref="Realloc(void*, nuint)"/> returns it; null, with the old block unchanged, if no memory of that size is
    /// available. A block of this heap always becomes smaller, unless it has to move because it is guarded or its address is not aligned.
    /// </returns>
    /// <exception cref="HeapCorruptionException">The pointer is not a block of the heap. The heap is unchanged.</exception>
    public static void* TryRealloc(void* ptr, nuint byteCount) =>
        MeteredSharedHeap.Require().Resizer.TryReallocate(ThreadRecord.Current->Shared, ptr, byteCount, BlockRequest.NoAlignment);

    /// <summary>Allocates an aligned block of memory of the specified size and alignment, in bytes, if there is memory for it.</summary>
    /// <param name="byteCount">The size, in bytes, of the block. A size of 0 returns a block that must be freed and must not be dereferenced.</param>
    /// <param name="alignment">The alignment, in bytes, of the block. This must be a power of two.</param>
    /// <returns>
    /// A pointer to the block, whose contents are undefined; null if no memory of that size and alignment is available or the heap's memory limit is
    /// reached.
    /// </returns>
    /// <exception cref="ArgumentException"><paramref name="alignment"/> is not a power of two.</exception>
    public static void* TryAlignedAlloc(nuint byteCount, nuint alignment)
    {
        ByteCount.RequirePowerOfTwo(alignment);
        ThreadCache* cache = ThreadRecord.Current->Shared;
        if (SizeClasses.TryOfSharedAligned(byteCount, alignment, out uint sizeClass)
            && ThreadCache.TryPop(cache, sizeClass, out void* block))
        {
            return block;
        }

        return MeteredSharedHeap.Require().Allocator.TryAllocate(cache, byteCount, alignment);
    }

    /// <summary>
    /// Computes the usable size of the block that <see cref="Alloc(nuint)"/> gives for a size, so that a caller whose buffer may be larger can use all
    /// of it.
    /// </summary>
    /// <param name="byteCount">The size, in bytes, that would be requested.</param>
    /// <returns>
    /// The size in bytes, which is at least <paramref name="byteCount"/>, and exactly that with <see cref="HeapChecks.Full"/>. It is the same for itself:
    /// <c>GoodSize(GoodSize(n)) == GoodSize(n)</c>.
    /// </returns>
    /// <remarks>
    /// A block that is guarded in a sample has only as many bytes as were requested, and one that is too large for an arena may have more. So request the
    /// result, or ask for the usable size of the block.
    /// </remarks>
    public static nuint GoodSize(nuint byteCount) => MeteredSharedHeap.Require().Allocator.GoodSize(byteCount);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void* TryAllocSlow(nuint byteCount)
    {
        ThreadCache* cache = ThreadRecord.FindShared(out bool wasGlancedAt);
        return !wasGlancedAt && byteCount <= SizeClasses.MaxSharedSize && ThreadCache.TryAlloc(cache, byteCount, out void* block)
            ? block
            : MeteredSharedHeap.Require().Allocator.TryAllocate(cache, byteCount);
    }
}
