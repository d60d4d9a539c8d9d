using System.Buffers;
using SpanHeap.Contract;

namespace SpanHeap.Buffers;

/// <summary>
/// A <see cref="MemoryPool{T}"/> whose memory comes from a <see cref="NativeHeap"/>. Pipes, serializers and libraries that take a pool thereby get
/// memory that the garbage collector neither moves nor counts, under the heap's limit and in its statistics.
/// </summary>
/// <remarks>
/// <para>
/// All members except <see cref="MemoryPool{T}.Dispose()"/> are thread safe. The pool keeps nothing itself: the heap's thread caches are what makes it
/// fast. An owner is a managed object of 40 bytes.
/// </para>
/// <para>
/// The pool is not for Kestrel: its socket transport refuses to send memory that is not a managed array as soon as a response has more than one segment
/// (<see cref="InvalidOperationException"/>: "Buffer backed by array was expected").
/// </para>
/// </remarks>
public sealed class NativeMemoryPool : MemoryPool<byte>
{
    /// <summary>The number of bytes that <see cref="Rent(int)"/> provides at least if it is not told how many.</summary>
    private const int DefaultBufferSize = 4096;

    private const int AnySize = -1;

    private readonly NativeHeap _heap;
    private readonly int _alignment;
    private readonly bool _zeroed;
    private readonly WhenDropped _whenDropped;
    private bool _disposed;

    /// <summary>Initializes a new pool over a heap.</summary>
    /// <param name="heap">The heap, which must not be disposed before the pool's users are done.</param>
    /// <param name="options">The options, or null for the default ones. Later changes to the object have no effect on the pool.</param>
    /// <exception cref="ArgumentException">The alignment is not a power of two.</exception>
    /// <exception cref="ArgumentNullException"><paramref name="heap"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of range.</exception>
    public NativeMemoryPool(NativeHeap heap, NativeMemoryPoolOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(heap);
        _heap = heap;
        if (options != null)
        {
            BufferBlock.RequireAlignment(options.Alignment);
            NativeHeapBuffers.RequireDefined(options.WhenDropped);
            _alignment = options.Alignment;
            _zeroed = options.Zeroed;
            _whenDropped = options.WhenDropped;
        }
    }

    /// <summary>Gets the heap that the pool's memory comes from.</summary>
    public NativeHeap Heap => _heap;

    /// <summary>Gets the largest number of bytes that can be rented at once: <see cref="int.MaxValue"/>, if there is memory for it.</summary>
    public override int MaxBufferSize => int.MaxValue;

    /// <summary>Rents memory of at least the specified size.</summary>
    /// <param name="minBufferSize">The least number of bytes; -1 for a size of the pool's choice, which is 4096.</param>
    /// <returns>
    /// The owner. Its memory is as large as the block (<see cref="NativeHeap.GoodSize"/>), unless the pool has an <see cref="NativeMemoryPoolOptions.Alignment"/>.
    /// </returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="minBufferSize"/> is negative and not -1.</exception>
    /// <exception cref="ObjectDisposedException">The pool or its heap has been disposed.</exception>
    /// <exception cref="OutOfMemoryException">There is no memory of that size, or the heap is at its limit. The pool can still be used.</exception>
    public override NativeOwner<byte> Rent(int minBufferSize = AnySize)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(minBufferSize, AnySize);
        int size = minBufferSize == AnySize ? DefaultBufferSize : minBufferSize;
        return RentExactly<byte>(_alignment == BufferBlock.NoAlignment ? (int)Math.Min(_heap.GoodSize((nuint)size), int.MaxValue) : size);
    }

    /// <summary>Rents memory for exactly the specified number of values.</summary>
    /// <typeparam name="T">The type of the values, which must not contain references.</typeparam>
    /// <param name="length">The number of values.</param>
    /// <returns>The owner.</returns>
    /// <exception cref="ArgumentException"><typeparamref name="T"/> contains references.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="length"/> is negative.</exception>
    /// <exception cref="ObjectDisposedException">The pool or its heap has been disposed.</exception>
    /// <exception cref="OutOfMemoryException">There is no memory of that size, or the heap is at its limit. The pool can still be used.</exception>
    public NativeOwner<T> RentExactly<T>(int length)
        where T : struct
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        return NativeHeapBuffers.RentChecked<T>(_heap, length, _alignment, _zeroed, _whenDropped);
    }

    /// <summary>Ends the pool: nothing can be rented any more. Memory that has been rented stays valid until its owner is disposed.</summary>
    /// <param name="disposing">Ignored.</param>
    protected override void Dispose(bool disposing) => _disposed = true;
}
