using System.Runtime.CompilerServices;
using SpanHeap.Contract;

namespace SpanHeap.Buffers;

/// <summary>Provides the memory of a <see cref="NativeHeap"/> as <see cref="Memory{T}"/> and <see cref="Span{T}"/>, for code without pointers.</summary>
public static unsafe class NativeHeapBuffers
{
    /// <summary>Allocates a block and creates its owner.</summary>
    /// <typeparam name="T">The type of the values, which must not contain references.</typeparam>
    /// <param name="heap">The heap.</param>
    /// <param name="length">The number of values.</param>
    /// <param name="zeroed">Whether all values are zero; otherwise they are undefined.</param>
    /// <param name="alignment">
    /// The alignment of the block in bytes, a power of two; 0 for the one that all blocks have, which is 16 for blocks of more than 8 bytes.
    /// </param>
    /// <param name="whenDropped">What happens to the block if the owner becomes unreachable without having been disposed.</param>
    /// <returns>The owner, which has exactly as many values. <see cref="NativeOwner{T}.Dispose()"/> frees the block.</returns>
    /// <exception cref="ArgumentException"><typeparamref name="T"/> contains references, or <paramref name="alignment"/> is not a power of two.</exception>
    /// <exception cref="ArgumentNullException"><paramref name="heap"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="length"/> is negative, or <paramref name="whenDropped"/> is not defined.</exception>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    /// <exception cref="OutOfMemoryException">There is no memory of that size, or the heap is at its limit. The heap can still be used.</exception>
    public static NativeOwner<T> Rent<T>(
        this NativeHeap heap, int length, bool zeroed = false, int alignment = 0, WhenDropped whenDropped = WhenDropped.Keep)
        where T : struct
    {
        ArgumentNullException.ThrowIfNull(heap);
        RequireDefined(whenDropped);
        return RentChecked<T>(heap, length, alignment, zeroed, whenDropped);
    }

    /// <summary>Allocates a block that lives until the end of a <see langword="using"/> block or statement, without a managed object.</summary>
    /// <typeparam name="T">The type of the values.</typeparam>
    /// <param name="heap">The heap.</param>
    /// <param name="length">The number of values.</param>
    /// <param name="zeroed">Whether all values are zero; otherwise they are undefined.</param>
    /// <param name="alignment">
    /// The alignment of the block in bytes, a power of two; 0 for the one that all blocks have, which is 16 for blocks of more than 8 bytes.
    /// </param>
    /// <returns>The memory, which must be disposed once.</returns>
    /// <exception cref="ArgumentException"><paramref name="alignment"/> is not a power of two.</exception>
    /// <exception cref="ArgumentNullException"><paramref name="heap"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="length"/> is negative.</exception>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    /// <exception cref="OutOfMemoryException">There is no memory of that size, or the heap is at its limit. The heap can still be used.</exception>
    public static ScopedMemory<T> Scoped<T>(this NativeHeap heap, int length, bool zeroed = false, int alignment = 0)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(heap);
        nuint byteCount = ByteCount.OfCount(length, sizeof(T));
        return new ScopedMemory<T>(heap, (T*)BufferBlock.Allocate(heap, byteCount, alignment, zeroed), length);
    }

    /// <summary>Does the same with arguments of which all but the length and the alignment have been checked.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static NativeOwner<T> RentChecked<T>(NativeHeap heap, int length, int alignment, bool zeroed, WhenDropped whenDropped)
        where T : struct
    {
        BufferBlock.RequireNoReferences<T>();
        nuint byteCount = ByteCount.OfCount(length, Unsafe.SizeOf<T>());
        return whenDropped == WhenDropped.Keep && heap.Core.Guard is not { GuardsAll: true }
            ? new NativeOwner<T>(heap, length, byteCount, alignment, zeroed)
            : new WatchedOwner<T>(heap, length, byteCount, alignment, zeroed, whenDropped);
    }

    internal static void RequireDefined(WhenDropped whenDropped)
    {
        if ((uint)whenDropped > (uint)WhenDropped.Free)
        {
            throw OptionRange.NotDefined(whenDropped, nameof(WhenDropped));
        }
    }
}
