using System.Runtime.CompilerServices;

namespace SpanHeap.Traced;

/// <summary>
/// Names a traced block without keeping it alive: once a collection has found the block dead, the handle names nothing. It only ever gives the
/// block it was made for, never a dead one or another that was made in its place.
/// </summary>
/// <typeparam name="T">The type of the block; <see cref="byte"/> for an untyped block.</typeparam>
/// <remarks>
/// Made by <see cref="TracedScope.KeepWeak{T}"/>. Thread safe, as a <see cref="TracedHandle{T}"/> is. Copies are the same handle. A handle takes 16
/// bytes until it is disposed, and each collection looks at it for a few nanoseconds, while threads are kept out if it marks so.
/// </remarks>
public readonly record struct TracedWeakHandle<T> : IDisposable
    where T : unmanaged
{
    private readonly SlotHandle _name;

    internal TracedWeakHandle(TracedParts heap, nint block) => _name = new SlotHandle(heap, heap.WeakHandles, block);

    /// <summary>
    /// Gets whether the block has not been found dead. Within a scope the answer holds until the scope ends or yields; outside of scopes it may be
    /// outdated at once. False if the handle was disposed or never made, or the heap was disposed.
    /// </summary>
    public bool IsAlive => _name.Heap is { } heap && _name.IsNaming(heap.WeakHandles);

    /// <summary>Gets the block if it lives. Like any reference, the result keeps the block until the scope ends or yields.</summary>
    /// <param name="scope">The calling thread's scope, of the handle's heap.</param>
    /// <param name="block">The block, or nothing if it has died or the handle was made for nothing.</param>
    /// <returns>Whether the block lives.</returns>
    /// <exception cref="InvalidOperationException">
    /// The handle was disposed, was never made, or belongs to another heap than the scope; with full checks also: the scope has ended or belongs to
    /// another thread.
    /// </exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryGet(in TracedScope scope, out TracedRef<T> block)
    {
        block = new TracedRef<T>(scope.Heap.Revive(_name.Read(scope)));
        return !block.IsNull;
    }

    /// <summary>
    /// Disposes the handle, which does not affect its block. May be called in or out of scopes. It does nothing if the handle was never made or is
    /// disposed, or if the heap was disposed.
    /// </summary>
    public void Dispose()
    {
        if (_name.Heap is { } heap)
        {
            _name.Free(heap.WeakHandles);
        }
    }
}
