using System.Runtime.CompilerServices;
using SpanHeap.Tracing;

namespace SpanHeap;

/// <summary>Keeps a traced block alive, and everything that it reaches, until it is disposed. Unlike a reference it may lie anywhere.</summary>
/// <typeparam name="T">What the block is; <see cref="byte"/> for one that has no type.</typeparam>
/// <remarks>
/// Thread safe, also where one thread disposes what another uses: that gets the block, or the exception, and no other handle's block.
/// Copies are the same handle. One that is never disposed keeps its block as long as the heap lives; it takes 16 bytes.
/// </remarks>
public readonly record struct GcHandle<T> : IDisposable
    where T : unmanaged
{
    private readonly HandleName _name;

    internal GcHandle(TracedHeap heap, nint block) => _name = new HandleName(heap, heap.Roots, block);

    /// <summary>The block.</summary>
    /// <param name="scope">The calling thread's scope, of the handle's heap.</param>
    /// <exception cref="InvalidOperationException">
    /// The handle was disposed, or never made, or is of another heap than the scope; with full checks also: the scope has ended, or is
    /// another thread's.
    /// </exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public GcRef<T> Get(in GcScope scope) => new(_name.Read(scope));

    /// <summary>Makes it keep another block, or none.</summary>
    /// <param name="scope">The calling thread's scope, of the handle's heap.</param>
    /// <param name="value">A block of that heap, or nothing.</param>
    /// <inheritdoc cref="Get" path="/exception"/>
    /// <exception cref="HeapCorruptionException">With full checks: <paramref name="value"/> is no block of the heap. Nothing has changed.</exception>
    public void Set(scoped in GcScope scope, GcRef<T> value) => _name.Write(scope, scope.Heap.Roots, value.Address);

    /// <summary>Lets the block go. Again, of a handle that was never made, or after the heap was disposed, it does nothing. In or out of scopes.</summary>
    public void Dispose()
    {
        if (_name.Heap is { } heap)
        {
            _name.Free(heap.Roots);
        }
    }
}
