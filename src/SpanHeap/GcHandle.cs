using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using SpanHeap.Tracing;

namespace SpanHeap;

/// <summary>Keeps a traced block alive, and everything that it reaches, until it is disposed. Unlike a reference it may lie anywhere.</summary>
/// <typeparam name="T">What the block is; <see cref="byte"/> for one that has no type.</typeparam>
/// <remarks>
/// Thread safe, also where one thread disposes what another uses: that gets the block, or the exception, and no other handle's block.
/// Copies are the same handle. One that is never disposed keeps its block as long as the heap lives; it takes 24 bytes.
/// </remarks>
public readonly unsafe struct GcHandle<T> : IDisposable, IEquatable<GcHandle<T>>
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

        // The slot is this handle's: nobody else can free it.
        _generation = _slot->Generation;
    }

    /// <summary>The block.</summary>
    /// <param name="scope">The calling thread's scope, of the handle's heap.</param>
    /// <exception cref="InvalidOperationException">
    /// The handle was disposed, or never made, or is of another heap than the scope; with full checks also: the scope has ended, or is
    /// another thread's.
    /// </exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public GcRef<T> Get(scoped in GcScope scope)
    {
        scope.RequireOpen();
        RequireHeapOf(scope);

        // The block first: if it is that of a later handle, the generation read after it is later, too.
        nint block = Volatile.Read(ref _slot->Block);
        if (Volatile.Read(ref _slot->Generation) != _generation)
        {
            ThrowDisposed();
        }

        return new GcRef<T>(block);
    }

    /// <summary>Makes it keep another block, or none.</summary>
    /// <param name="scope">The calling thread's scope, of the handle's heap.</param>
    /// <param name="value">A block of that heap, or nothing.</param>
    /// <inheritdoc cref="Get" path="/exception"/>
    /// <exception cref="HeapCorruptionException">With full checks: <paramref name="value"/> is no block of the heap. Nothing has changed.</exception>
    public void Set(scoped in GcScope scope, GcRef<T> value)
    {
        scope.RequireReference(value.Address);
        RequireHeapOf(scope);
        if (!_heap.Roots.TrySet(_slot, _generation, value.Address))
        {
            ThrowDisposed();
        }
    }

    /// <summary>Lets the block go. Again, of a handle that was never made, or after the heap was disposed, it does nothing. In or out of scopes.</summary>
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
    /// <param name="left">One.</param>
    /// <param name="right">The other.</param>
    public static bool operator ==(GcHandle<T> left, GcHandle<T> right) => left.Equals(right);

    /// <summary>Whether they are not the same handle.</summary>
    /// <param name="left">One.</param>
    /// <param name="right">The other.</param>
    public static bool operator !=(GcHandle<T> left, GcHandle<T> right) => !left.Equals(right);

    // A handle that was never made has no heap, and so none that a scope has.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void RequireHeapOf(scoped in GcScope scope)
    {
        if (_heap != scope.Heap)
        {
            ThrowOtherHeap(scope.Heap);
        }
    }

    [DoesNotReturn]
    private void ThrowOtherHeap(TracedHeap scope)
    {
        if (_heap == null)
        {
            ThrowDisposed();
        }

        ThrowHelper.OtherHeap("handle", _heap.Name, scope.Name);
    }

    [DoesNotReturn]
    private static void ThrowDisposed() => throw new InvalidOperationException("The handle was disposed, or never made by GcScope.Keep.");
}
