using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.CompilerServices;
using SpanHeap.Blocks;
using SpanHeap.Contract;
using SpanHeap.Os;
using SpanHeap.Spans;

namespace SpanHeap.Buffers;

/// <summary>Allocates the blocks of buffers, and says what is wrong with the arguments that callers pass.</summary>
internal static unsafe class BufferBlock
{
    /// <summary>The alignment for callers that ask for none.</summary>
    public const int NoAlignment = 0;

    /// <summary>Allocates a block.</summary>
    /// <param name="heap">The heap.</param>
    /// <param name="byteCount">The size in bytes.</param>
    /// <param name="alignment">A power of two; <see cref="NoAlignment"/> for the alignment of all blocks.</param>
    /// <param name="zeroed">Whether the bytes must be zero.</param>
    /// <exception cref="ArgumentException">The alignment is neither.</exception>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    /// <exception cref="OutOfMemoryException">There is no memory, or the heap is at its limit.</exception>
    public static void* Allocate(NativeHeap heap, nuint byteCount, int alignment, bool zeroed)
    {
        if (alignment == NoAlignment)
        {
            return zeroed ? heap.AllocZeroed(byteCount) : heap.Alloc(byteCount);
        }

        RequireAlignment(alignment);
        if (!zeroed)
        {
            return heap.AlignedAlloc(byteCount, (nuint)alignment);
        }

        if (byteCount <= SizeClasses.MaxSharedSize)
        {
            void* small = heap.AlignedAlloc(byteCount, (nuint)alignment);
            new Span<byte>(small, (int)byteCount).Clear();
            return small;
        }

        return AllocateLargeZeroed(heap, byteCount, (nuint)alignment);
    }

    /// <summary>Requires an alignment to be a power of two, or <see cref="NoAlignment"/>.</summary>
    public static void RequireAlignment(int alignment)
    {
        if (alignment != NoAlignment)
        {
            ByteCount.RequirePowerOfTwo(alignment < 0 ? 0 : (nuint)alignment);
        }
    }

    /// <summary>Requires that values of a type consist of bytes alone.</summary>
    /// <exception cref="ArgumentException">They contain references, which the garbage collector would not see in native memory.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void RequireNoReferences<T>()
    {
        if (RuntimeHelpers.IsReferenceOrContainsReferences<T>())
        {
            ThrowReferences(typeof(T));
        }
    }

    /// <summary>Throws the exception about memory that was used after its end.</summary>
    /// <param name="heap">The heap of the memory, which may be what has been disposed.</param>
    /// <param name="what">The type that holds the memory.</param>
    /// <exception cref="ObjectDisposedException">Always.</exception>
    [DoesNotReturn]
    public static void ThrowDisposed(NativeHeap heap, string what)
    {
        if (heap.IsClosed)
        {
            ThrowHelper.HeapDisposed(heap.Name);
        }

        throw new ObjectDisposedException(what, $"This memory of the heap '{heap.Name}' has been disposed.");
    }

    // Memory that is fresh from the system is zero already.
    private static void* AllocateLargeZeroed(NativeHeap heap, nuint byteCount, nuint alignment)
    {
        void* block = heap.Core.Allocator.TryAllocate(heap.Core.FindOwnCache(), byteCount, alignment, zeroed: true);
        if (block == null)
        {
            heap.Core.State.ThrowOutOfMemory(byteCount);
        }

        return block;
    }

    [DoesNotReturn]
    private static void ThrowReferences(Type type) =>
        throw new ArgumentException($"Values of the type {type} contain references, so they cannot be kept in native memory.");
}
