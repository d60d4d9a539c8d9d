using System.Diagnostics.CodeAnalysis;

namespace SpanHeap.Buffers;

/// <summary>
/// Holds a block of a <see cref="NativeHeap"/> for the time of a <see langword="using"/> block or statement. It comes from
/// <see cref="NativeHeapBuffers.Scoped{T}"/> and costs no managed object.
/// </summary>
/// <typeparam name="T">The type of the values.</typeparam>
/// <remarks>
/// The value lives on the stack. A copy of it owns the same block, so only one may be disposed. A span of it must not be returned from the method that
/// disposes it.
/// </remarks>
public unsafe ref struct ScopedMemory<T>
    where T : unmanaged
{
    private readonly NativeHeap? _heap;
    private readonly int _length;
    private T* _block;

    internal ScopedMemory(NativeHeap heap, T* block, int length)
    {
        _heap = heap;
        _block = block;
        _length = length;
    }

    /// <summary>Gets the number of values.</summary>
    public readonly int Length => _length;

    /// <summary>Gets a span over the values.</summary>
    /// <exception cref="ObjectDisposedException">The memory or its heap has been disposed.</exception>
    public readonly Span<T> Span
    {
        get
        {
            RequireAlive();
            return new Span<T>(_block, _length);
        }
    }

    /// <summary>Gets a pointer to the first value, for native code.</summary>
    /// <exception cref="ObjectDisposedException">The memory or its heap has been disposed.</exception>
    public readonly T* Pointer
    {
        get
        {
            RequireAlive();
            return _block;
        }
    }

    /// <summary>Gets a reference to a value.</summary>
    /// <param name="index">The index of the value.</param>
    /// <exception cref="IndexOutOfRangeException"><paramref name="index"/> is negative or not less than <see cref="Length"/>.</exception>
    /// <exception cref="ObjectDisposedException">The memory or its heap has been disposed.</exception>
    public readonly ref T this[int index] => ref Span[index];

    /// <summary>Frees the block. Does nothing if that has been done, or if the heap has been disposed.</summary>
    public void Dispose()
    {
        T* block = _block;
        _block = null;
        if (block != null && !_heap!.IsClosed)
        {
            _heap.Free(block);
        }
    }

    // The default value has no block, and no values.
    private readonly void RequireAlive()
    {
        if (_heap != null && (_block == null || _heap.IsClosed))
        {
            ThrowDisposed();
        }
    }

    [DoesNotReturn]
    private readonly void ThrowDisposed() => BufferBlock.ThrowDisposed(_heap!, nameof(ScopedMemory<>));
}
