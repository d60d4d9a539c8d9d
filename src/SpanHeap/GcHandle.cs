using SpanHeap.Tracing;

namespace SpanHeap;

/// <summary>Keeps a traced block alive, and everything that it reaches, until it is disposed. Unlike a reference it may lie anywhere.</summary>
/// <typeparam name="T">What the block is.</typeparam>
/// <remarks>
/// Thread safe. Copies are the same handle. One that is never disposed keeps its block as long as the heap lives; none of them may be
/// used after the heap is disposed.
/// </remarks>
internal readonly unsafe struct GcHandle<T> : IDisposable, IEquatable<GcHandle<T>>
    where T : unmanaged
{
    private readonly TracedHeap _heap;
    private readonly RootSlot* _slot;
    private readonly uint _generation;

    internal GcHandle(TracedHeap heap, nint block)
    {
        _heap = heap;
        _slot = heap.Roots.TryTake(block);
        if (_slot == null)
        {
            ThrowHelper.OutOfMemory(heap.Name, (nuint)sizeof(RootSlot), heap.Core.Options.MemoryLimit);
        }

        _generation = _slot->Generation;
    }

    /// <summary>The block.</summary>
    /// <exception cref="InvalidOperationException">The handle was disposed, or never made.</exception>
    public GcRef<T> Get(scoped in GcScope scope)
    {
        scope.RequireOpen();
        RequireUsed();
        return new GcRef<T>(Volatile.Read(ref _slot->Block));
    }

    /// <summary>Makes it keep another block, or none.</summary>
    /// <exception cref="InvalidOperationException">The handle was disposed, or never made.</exception>
    public void Set(scoped in GcScope scope, GcRef<T> value)
    {
        scope.RequireOpen();
        scope.RequireBlock(value.Address);
        RequireUsed();
        Volatile.Write(ref _slot->Block, value.Address);
    }

    /// <summary>Lets the block go. Again, or of a handle that was never made, it does nothing.</summary>
    public void Dispose()
    {
        if (_slot != null)
        {
            _heap.Roots.TryFree(_slot, _generation);
        }
    }

    /// <inheritdoc/>
    public bool Equals(GcHandle<T> other) => _slot == other._slot && _generation == other._generation;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is GcHandle<T> other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine((nint)_slot, _generation);

    /// <summary>Whether both are the same handle.</summary>
    public static bool operator ==(GcHandle<T> left, GcHandle<T> right) => left.Equals(right);

    /// <summary>Whether they are not the same handle.</summary>
    public static bool operator !=(GcHandle<T> left, GcHandle<T> right) => !left.Equals(right);

    private void RequireUsed()
    {
        if (_slot == null || _slot->Generation != _generation)
        {
            throw new InvalidOperationException("The handle was disposed, or never made by GcScope.Keep.");
        }
    }
}
