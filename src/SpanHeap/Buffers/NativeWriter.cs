using System.Buffers;
using System.Diagnostics.CodeAnalysis;

namespace SpanHeap.Buffers;

/// <summary>
/// An <see cref="IBufferWriter{T}"/> that collects bytes in a block of a <see cref="NativeHeap"/>, for serializers. <see cref="Dispose"/> frees the
/// block.
/// </summary>
/// <remarks>
/// Not thread safe. The writer grows in place where the heap can do that, which is the rule for long outputs, so growing does not copy them. The block
/// of a writer that is not disposed stays allocated until the heap is disposed.
/// </remarks>
public sealed class NativeWriter : IBufferWriter<byte>, IDisposable
{
    // Room that a caller gets who does not say how much it needs.
    private const int LeastRoom = 256;

    private GrowableBlock<byte> _block;
    private int _written;

    /// <summary>Initializes a new writer.</summary>
    /// <param name="heap">The heap that the writer's memory comes from.</param>
    /// <param name="capacity">The number of bytes for which there is room at once.</param>
    /// <exception cref="ArgumentNullException"><paramref name="heap"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="capacity"/> is negative.</exception>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    /// <exception cref="OutOfMemoryException">There is no memory of that size, or the heap is at its limit.</exception>
    public NativeWriter(NativeHeap heap, int capacity = 0)
    {
        ArgumentNullException.ThrowIfNull(heap);
        ArgumentOutOfRangeException.ThrowIfNegative(capacity);
        _block = new GrowableBlock<byte>(heap);
        _block.RequireAlive();
        if (capacity > 0)
        {
            _block.Resize(0, capacity, capacity);
        }
    }

    /// <summary>Gets the number of bytes that have been written.</summary>
    public int WrittenCount => _written;

    /// <summary>Gets the number of bytes for which there is room without growing, the written ones included.</summary>
    public int Capacity => _block.Capacity;

    /// <summary>Gets the bytes that have been written. The span must not be used after more has been written, or the writer has been disposed.</summary>
    /// <exception cref="ObjectDisposedException">The writer or its heap has been disposed.</exception>
    public ReadOnlySpan<byte> WrittenSpan => _block.Values[.._written];

    /// <summary>
    /// Gets the bytes that have been written, for example for an asynchronous call. While the memory is pinned, the block stays where it is; if the writer
    /// grows meanwhile, its bytes are copied to another block.
    /// </summary>
    /// <exception cref="ObjectDisposedException">The writer or its heap has been disposed.</exception>
    public ReadOnlyMemory<byte> WrittenMemory => _block.Memory[.._written];

    /// <summary>Counts bytes as written that have been put into the last span or memory.</summary>
    /// <param name="count">The number of bytes.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="count"/> is negative or exceeds the room that there is. Nothing changes.</exception>
    /// <exception cref="ObjectDisposedException">The writer or its heap has been disposed.</exception>
    public void Advance(int count)
    {
        _block.RequireAlive();
        if ((uint)count > (uint)(_block.Capacity - _written))
        {
            ThrowAdvance(count);
        }

        _written += count;
    }

    /// <summary>Gets room for further bytes.</summary>
    /// <param name="sizeHint">The least number of bytes; 0 for any number but none.</param>
    /// <returns>The room, which is never empty. It must not be used after the next call of the writer.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="sizeHint"/> is negative.</exception>
    /// <exception cref="ObjectDisposedException">The writer or its heap has been disposed.</exception>
    /// <exception cref="OutOfMemoryException">There is no memory, or the heap is at its limit. What has been written stays.</exception>
    public Span<byte> GetSpan(int sizeHint = 0)
    {
        MakeRoom(sizeHint);
        return _block.Values[_written..];
    }

    /// <inheritdoc cref="GetSpan"/>
    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        MakeRoom(sizeHint);
        return _block.Memory[_written..];
    }

    /// <summary>Forgets what has been written, so that the memory can be used again. The capacity stays.</summary>
    /// <exception cref="ObjectDisposedException">The writer or its heap has been disposed.</exception>
    public void Clear()
    {
        _block.RequireAlive();
        _written = 0;
    }

    /// <summary>Frees the memory. Does nothing if that has been done.</summary>
    public void Dispose()
    {
        _written = 0;
        _block.Dispose();
    }

    private void MakeRoom(int sizeHint)
    {
        _block.RequireAlive();
        ArgumentOutOfRangeException.ThrowIfNegative(sizeHint);
        int room = _block.Capacity - _written;
        if (room == 0 || room < sizeHint)
        {
            _block.Grow(_written, (long)_written + (sizeHint == 0 ? LeastRoom : sizeHint));
        }
    }

    [DoesNotReturn]
    private void ThrowAdvance(int count) =>
        throw new ArgumentOutOfRangeException(nameof(count), count, $"{count} bytes cannot have been written: there is room for {_block.Capacity - _written}.");
}
