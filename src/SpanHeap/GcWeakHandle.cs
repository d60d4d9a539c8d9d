using System.Runtime.CompilerServices;
using SpanHeap.Tracing;

namespace SpanHeap;

/// <summary>
/// Names a traced block as long as something else keeps it: nothing, from when a collection finds it dead. What comes out of it is the
/// block it was made for, and never one that has died or that was made in its place.
/// </summary>
/// <typeparam name="T">What the block is; <see cref="byte"/> for one that has no type.</typeparam>
/// <remarks>
/// Made by <see cref="GcScope.KeepWeak{T}"/>. Thread safe, as a <see cref="GcHandle{T}"/> is. Copies are the same handle. It takes 16
/// bytes until it is disposed, and each collection looks at it while threads are kept out, for some nanoseconds.
/// </remarks>
public readonly record struct GcWeakHandle<T> : IDisposable
    where T : unmanaged
{
    private readonly HandleName _name;

    internal GcWeakHandle(TracedHeap heap, nint block) => _name = new HandleName(heap, heap.WeakHandles, block);

    /// <summary>
    /// Whether its block has not been found dead. Outside of scopes that may have changed when this returns; within one it holds till the
    /// scope ends or yields. False of a handle that was disposed or never made, and after the heap was disposed.
    /// </summary>
    public bool IsAlive => _name.Heap is { } heap && _name.IsNaming(heap.WeakHandles);

    /// <summary>The block, if it lives: the reference keeps it, as any other, till the scope ends or yields.</summary>
    /// <param name="scope">The calling thread's scope, of the handle's heap.</param>
    /// <param name="block">The block; nothing when it has died, or the handle was made for nothing.</param>
    /// <returns>Whether there is one.</returns>
    /// <exception cref="InvalidOperationException">
    /// The handle was disposed, or never made, or is of another heap than the scope; with full checks also: the scope has ended, or is
    /// another thread's.
    /// </exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryGet(in GcScope scope, out GcRef<T> block)
    {
        block = new GcRef<T>(_name.Read(scope));
        return !block.IsNull;
    }

    /// <summary>Ends it; the block is as it was. Again, of a handle that was never made, or after the heap was disposed, it does nothing. In or out of scopes.</summary>
    public void Dispose()
    {
        if (_name.Heap is { } heap)
        {
            _name.Free(heap.WeakHandles);
        }
    }
}
