using System.Runtime.CompilerServices;

namespace SpanHeap.Traced;

/// <summary>
/// Keeps a traced block, and everything that it reaches, alive until the handle is disposed. Unlike a reference, it may be stored anywhere.
/// </summary>
/// <typeparam name="T">The type of the block; <see cref="byte"/> for an untyped block.</typeparam>
/// <remarks>
/// Thread safe, even if one thread disposes what another uses: the other gets the block or the exception, never the block of another handle. Copies
/// are the same handle. A handle takes 16 bytes; one that is never disposed keeps its block as long as the heap lives.
/// </remarks>
public readonly record struct TracedHandle<T> : IDisposable
    where T : unmanaged
{
    private readonly SlotHandle _name;

    internal TracedHandle(TracedParts heap, nint block) => _name = new SlotHandle(heap, heap.Roots, block);

    /// <summary>Gets the block that the handle keeps.</summary>
    /// <param name="scope">The calling thread's scope, of the handle's heap.</param>
    /// <exception cref="InvalidOperationException">
    /// The handle was disposed, was never made, or belongs to another heap than the scope; with full checks also: the scope has ended or belongs to
    /// another thread.
    /// </exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TracedRef<T> Get(in TracedScope scope) => new(_name.Read(scope));

    /// <summary>Makes the handle keep another block, or none.</summary>
    /// <param name="scope">The calling thread's scope, of the handle's heap.</param>
    /// <param name="value">A block of that heap, or nothing.</param>
    /// <inheritdoc cref="Get" path="/exception"/>
    /// <exception cref="HeapCorruptionException">
    /// With full checks: <paramref name="value"/> is not a block of the heap. Nothing has changed.
    /// </exception>
    public void Set(scoped in TracedScope scope, TracedRef<T> value) => _name.Write(scope, scope.Heap.Roots, value.Address);

    /// <summary>
    /// Disposes the handle, which no longer keeps its block. May be called in or out of scopes. It does nothing if the handle was never made or is
    /// disposed, or if the heap was disposed.
    /// </summary>
    public void Dispose()
    {
        if (_name.Heap is { } heap)
        {
            _name.Free(heap.Roots);
        }
    }
}
