using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SpanHeap.Caches;
using SpanHeap.Guarding;
using SpanHeap.Spans;

namespace SpanHeap;

/// <summary>
/// Native memory from the process's shared heap: the twelve methods of <see cref="NativeMemory"/>, with the same contracts, so that
/// <c>using NativeMemory = SpanHeap.SpanMemory;</c> is the whole migration of a file.
/// </summary>
/// <remarks>
/// Thread safe; a block may be freed by any thread. Blocks must be freed by whom they came from: one that
/// <see cref="NativeMemory"/> allocated is refused here (but see <see cref="ForeignFree.Forward"/>), and one from here must never go
/// there. Unlike there, plain and aligned blocks may be freed and resized by either family of methods. Blocks are aligned to 16 bytes,
/// those of up to 8 bytes to 8.
/// <para>A process that is not a 64-bit one gets <see cref="PlatformNotSupportedException"/> from the first call.</para>
/// </remarks>
public static unsafe class SpanMemory
{
    /// <summary>Allocates a block of memory of the specified size, in bytes.</summary>
    /// <param name="byteCount">The size, in bytes, of the block; 0 gives a block that must be freed and not be dereferenced.</param>
    /// <returns>A pointer to the block, never null. Its contents are undefined.</returns>
    /// <exception cref="OutOfMemoryException">There is no memory of that size, or the shared heap's limit is reached.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void* Alloc(nuint byteCount)
    {
        ThreadCache* cache = ThreadRecord.Current->Shared;
        if (byteCount <= SizeClasses.MaxSharedSize && ThreadCache.TryAlloc(cache, byteCount, out void* block))
        {
            return block;
        }

        return AllocSlow(cache, byteCount);
    }

    /// <summary>Allocates a block of memory of the specified size, in elements.</summary>
    /// <param name="elementCount">The count, in elements, of the block.</param>
    /// <param name="elementSize">The size, in bytes, of each element.</param>
    /// <returns>A pointer to the block, never null. Its contents are undefined.</returns>
    /// <exception cref="OutOfMemoryException">There is no memory of that size; a product that overflows is such a size.</exception>
    public static void* Alloc(nuint elementCount, nuint elementSize) => Alloc(ByteCount.Of(elementCount, elementSize));

    /// <summary>Allocates and zeroes a block of memory of the specified size, in bytes.</summary>
    /// <param name="byteCount">The size, in bytes, of the block; 0 gives a block that must be freed and not be dereferenced.</param>
    /// <returns>A pointer to the block, never null. All its <paramref name="byteCount"/> bytes are zero.</returns>
    /// <exception cref="OutOfMemoryException">There is no memory of that size, or the shared heap's limit is reached.</exception>
    public static void* AllocZeroed(nuint byteCount)
    {
        ThreadCache* cache = ThreadRecord.Current->Shared;
        if (byteCount <= SizeClasses.MaxSharedSize && ThreadCache.TryAlloc(cache, byteCount, out void* block))
        {
            ZeroMemory.ClearBlock(block, byteCount);
            return block;
        }

        return SharedHeap.Require().Allocate(cache, byteCount, zeroed: true);
    }

    /// <summary>Allocates and zeroes a block of memory of the specified size, in elements.</summary>
    /// <param name="elementCount">The count, in elements, of the block.</param>
    /// <param name="elementSize">The size, in bytes, of each element.</param>
    /// <returns>A pointer to the block, never null. All its bytes are zero.</returns>
    /// <exception cref="OutOfMemoryException">There is no memory of that size; a product that overflows is such a size.</exception>
    public static void* AllocZeroed(nuint elementCount, nuint elementSize) => AllocZeroed(ByteCount.Of(elementCount, elementSize));

    /// <summary>Frees a block of memory.</summary>
    /// <param name="ptr">A pointer to a block of the shared heap, or null, which does nothing.</param>
    /// <exception cref="HeapCorruptionException">
    /// The pointer is no block of the shared heap: foreign pointers and pointers into free pages are found at once, others with
    /// <see cref="HeapChecks.Full"/>. Nothing has changed.
    /// </exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Free(void* ptr)
    {
        ThreadCache* cache = ThreadRecord.Current->Shared;
        if (ThreadCache.TryFree(cache, ptr))
        {
            return;
        }

        FreeSlow(cache, ptr);
    }

    /// <summary>Reallocates a block of memory to be the specified size, in bytes.</summary>
    /// <param name="ptr">The previously allocated block, or null, which allocates one.</param>
    /// <param name="byteCount">The size, in bytes, of the block; 0 gives a block that must be freed and not be dereferenced.</param>
    /// <returns>A pointer to the block, never null; contents are kept up to the lesser of both sizes. The old pointer is valid only if it is the same.</returns>
    /// <exception cref="OutOfMemoryException">There is no memory of that size; the old block is as it was.</exception>
    /// <exception cref="HeapCorruptionException">The pointer is no block of the shared heap. Nothing has changed.</exception>
    public static void* Realloc(void* ptr, nuint byteCount) =>
        SharedHeap.Require().Reallocate(ThreadRecord.Current->Shared, ptr, byteCount, HeapCore.NoAlignment);

    /// <summary>Allocates an aligned block of memory of the specified size and alignment, in bytes.</summary>
    /// <param name="byteCount">The size, in bytes, of the block; 0 gives a block that must be freed and not be dereferenced.</param>
    /// <param name="alignment">The alignment, in bytes, of the block: a power of two.</param>
    /// <returns>A pointer to the block, never null. Its contents are undefined.</returns>
    /// <exception cref="ArgumentException"><paramref name="alignment"/> is not a power of two.</exception>
    /// <exception cref="OutOfMemoryException">There is no memory of that size and alignment.</exception>
    public static void* AlignedAlloc(nuint byteCount, nuint alignment)
    {
        ByteCount.RequirePowerOfTwo(alignment);
        ThreadCache* cache = ThreadRecord.Current->Shared;
        if (SizeClasses.TryOfSharedAligned(byteCount, alignment, out uint sizeClass)
            && ThreadCache.TryPop(cache, sizeClass, out void* block))
        {
            return block;
        }

        return SharedHeap.Require().AllocateAligned(cache, byteCount, alignment);
    }

    /// <summary>Reallocates an aligned block of memory to be the specified size and alignment, in bytes.</summary>
    /// <param name="ptr">The previously allocated block, or null, which allocates one.</param>
    /// <param name="byteCount">The size, in bytes, of the block; 0 gives a block that must be freed and not be dereferenced.</param>
    /// <param name="alignment">The alignment, in bytes, of the block: a power of two, and not necessarily the old one.</param>
    /// <returns>A pointer to the block, never null; contents are kept up to the lesser of both sizes.</returns>
    /// <exception cref="ArgumentException"><paramref name="alignment"/> is not a power of two.</exception>
    /// <exception cref="OutOfMemoryException">There is no memory of that size and alignment; the old block is as it was.</exception>
    /// <exception cref="HeapCorruptionException">The pointer is no block of the shared heap. Nothing has changed.</exception>
    public static void* AlignedRealloc(void* ptr, nuint byteCount, nuint alignment)
    {
        ByteCount.RequirePowerOfTwo(alignment);
        return SharedHeap.Require().Reallocate(ThreadRecord.Current->Shared, ptr, byteCount, alignment);
    }

    /// <summary>Frees an aligned block of memory.</summary>
    /// <param name="ptr">A pointer to a block of the shared heap, or null, which does nothing.</param>
    /// <exception cref="HeapCorruptionException">As for <see cref="Free"/>.</exception>
    public static void AlignedFree(void* ptr)
    {
        ThreadCache* cache = ThreadRecord.Current->Shared;
        if (ptr != null && !ThreadCache.TryFree(cache, ptr))
        {
            SharedHeap.Require().Free(cache, ptr, aligned: true);
        }
    }

    /// <summary>Clears a block of memory.</summary>
    /// <param name="ptr">A pointer to the memory that should be cleared.</param>
    /// <param name="byteCount">The size, in bytes, of the memory.</param>
    public static void Clear(void* ptr, nuint byteCount) => NativeMemory.Clear(ptr, byteCount);

    /// <summary>Copies a block of memory from one place to another; they may overlap.</summary>
    /// <param name="source">A pointer to the memory to copy from.</param>
    /// <param name="destination">A pointer to the memory to copy to.</param>
    /// <param name="byteCount">The size, in bytes, to copy.</param>
    public static void Copy(void* source, void* destination, nuint byteCount) => NativeMemory.Copy(source, destination, byteCount);

    /// <summary>Copies a byte to every byte of a block of memory.</summary>
    /// <param name="ptr">A pointer to the memory that should be filled.</param>
    /// <param name="byteCount">The size, in bytes, of the memory.</param>
    /// <param name="value">The byte.</param>
    public static void Fill(void* ptr, nuint byteCount, byte value) => NativeMemory.Fill(ptr, byteCount, value);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void* AllocSlow(ThreadCache* cache, nuint byteCount)
    {
        // Where allocations are counted, one of a kept block counts as well: the heap knows whether it guards a sample.
        return !GuardSampling.IsCounted && LargeBlocks.TryTakeKept(cache, byteCount, out void* block)
            ? block
            : SharedHeap.Require().Allocate(cache, byteCount, zeroed: false);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void FreeSlow(ThreadCache* cache, void* ptr)
    {
        if (ptr != null)
        {
            SharedHeap.Require().Free(cache, ptr);
        }
    }
}
