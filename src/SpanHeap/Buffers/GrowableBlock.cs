using System.Runtime.CompilerServices;

namespace SpanHeap.Buffers;

/// <summary>The memory of a list or a writer: an owner that grows, in place where the heap can do that.</summary>
/// <remarks>
/// Not thread safe. The owner stays the same object while it grows, so a <see cref="Memory{T}"/> of it that a program still has refers to the current
/// block, and not to one that is gone.
/// </remarks>
internal struct GrowableBlock<T>(NativeHeap heap)
    where T : unmanaged
{
    // Up to this size a block at least doubles when it grows. Above, memory is not so cheap, and blocks mostly grow in place.
    private const long LargestDoubledBytes = 2 * 1024 * 1024;
    private const int LeastBytes = 64;

    private readonly NativeHeap _heap = heap;

    // Null before something has been allocated.
    private NativeOwner<T>? _owner;

    public bool IsDisposed { get; private set; }

    public readonly NativeHeap Heap => _heap;

    public readonly int Capacity => _owner != null ? _owner.Length : 0;

    /// <summary>Gets all values for which there is room.</summary>
    /// <exception cref="ObjectDisposedException">The heap, or the block, has been disposed.</exception>
    public readonly Span<T> Values
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _owner != null ? _owner.Values : None();
    }

    /// <summary>Gets the same as memory.</summary>
    /// <exception cref="ObjectDisposedException">The heap, or the block, has been disposed.</exception>
    public readonly Memory<T> Memory
    {
        get
        {
            RequireAlive();
            return _owner != null ? _owner.Memory : default;
        }
    }

    /// <exception cref="ObjectDisposedException">The heap, or the block, has been disposed.</exception>
    public readonly void RequireAlive()
    {
        if (IsDisposed || _heap.IsClosed)
        {
            BufferBlock.ThrowDisposed(_heap, nameof(NativeOwner<>));
        }
    }

    /// <summary>Makes room for more values.</summary>
    /// <param name="used">The number of values that are kept.</param>
    /// <param name="needed">The number of values for which there must be room, more than there is.</param>
    /// <exception cref="OutOfMemoryException">There is no memory, or the number is too large. Nothing has changed.</exception>
    public void Grow(int used, long needed)
    {
        if (needed > Array.MaxLength)
        {
            Contract.ThrowHelper.OutOfMemory($"A block of {needed} values is too long: it may have {Array.MaxLength} at most.");
        }

        Resize(used, CapacityFor(needed), (int)needed);
    }

    /// <summary>Changes the number of values for which there is room.</summary>
    /// <param name="used">The number of values that are kept.</param>
    /// <param name="wanted">The number of values for which there should be room.</param>
    /// <param name="needed">The number of values that is enough if there is no memory for more.</param>
    /// <exception cref="OutOfMemoryException">There is no memory. Nothing has changed.</exception>
    public void Resize(int used, int wanted, int needed)
    {
        if (_owner != null && (_owner.TryResize(wanted) || (needed < wanted && _owner.TryResize(needed))))
        {
            return;
        }

        // There is no block yet, or what has pinned the block keeps it until the pin ends. Or there is no memory, which the heap may say best.
        NativeOwner<T> next = Rent(wanted, needed);
        if (_owner != null)
        {
            _owner.Values[..used].CopyTo(next.Values);
            _owner.Dispose();
        }

        _owner = next;
    }

    /// <summary>Makes the block smaller where it is possible.</summary>
    public readonly void TryTrim(int needed) => _owner?.TryResize(needed);

    public void Dispose()
    {
        IsDisposed = true;
        _owner?.Dispose();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private readonly Span<T> None()
    {
        RequireAlive();
        return default;
    }

    private readonly NativeOwner<T> Rent(int wanted, int needed)
    {
        try
        {
            return NativeHeapBuffers.RentChecked<T>(_heap, wanted, BufferBlock.NoAlignment, zeroed: false, WhenDropped.Keep);
        }
        catch (OutOfMemoryException) when (needed < wanted)
        {
            return NativeHeapBuffers.RentChecked<T>(_heap, needed, BufferBlock.NoAlignment, zeroed: false, WhenDropped.Keep);
        }
    }

    private readonly int CapacityFor(long needed)
    {
        long capacity = Capacity;
        long grown = capacity * Unsafe.SizeOf<T>() <= LargestDoubledBytes ? 2 * capacity : capacity + (capacity / 2);
        long wanted = Math.Max(needed, Math.Max(grown, LeastBytes / Unsafe.SizeOf<T>()));
        nuint bytes = _heap.GoodSize((nuint)wanted * (nuint)Unsafe.SizeOf<T>());
        return (int)Math.Min(bytes / (nuint)Unsafe.SizeOf<T>(), (nuint)Array.MaxLength);
    }
}
