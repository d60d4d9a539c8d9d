using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using SpanHeap.Contract;
using SpanHeap.Traced.Roots;

namespace SpanHeap.Traced;

/// <summary>
/// An array of references that keep their blocks, and everything that those reach, alive until the array is disposed: for the stack of an
/// interpreter, or a table of globals.
/// </summary>
/// <typeparam name="T">The type of the referenced blocks; <see cref="byte"/> for untyped blocks.</typeparam>
/// <remarks>
/// Made by <see cref="TracedHeap.CreateRoots{T}"/>. Reading and writing cost as much as for a <see cref="Traced{T}"/>, and need a scope of the
/// array's heap. Threads may share an array, even while one of them disposes it: a read then gets a block or nothing. An array that is dropped
/// without being disposed keeps its blocks as long as the heap lives. It takes 8 bytes of managed memory per element.
/// </remarks>
public sealed class TracedRoots<T> : IDisposable
    where T : unmanaged
{
    private readonly TracedParts _heap;
    private readonly RootArraySlots _root;

    // The root's slots; empty once disposed. Written by the thread that disposes; a thread that read it just before uses slots that no collection
    // looks at.
    private nint[] _slots;
    private int _disposed;

    internal TracedRoots(TracedParts heap, int length)
    {
        _heap = heap;
        _slots = new nint[length];
        _root = new RootArraySlots(_slots);
        heap.Roots.Arrays.Add(_root);
    }

    /// <summary>Gets the number of references; it stays the same after disposal.</summary>
    public int Length => _root.Slots.Length;

    /// <summary>Gets one of the references.</summary>
    /// <param name="scope">The calling thread's scope, of the array's heap.</param>
    /// <param name="index">The zero-based index of the element.</param>
    /// <exception cref="IndexOutOfRangeException"><paramref name="index"/> is not a valid index.</exception>
    /// <exception cref="ObjectDisposedException">The array has been disposed.</exception>
    /// <exception cref="InvalidOperationException">
    /// The array belongs to another heap than the scope; with full checks also: the scope has ended or belongs to another thread.
    /// </exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TracedRef<T> Get(in TracedScope scope, int index)
    {
        scope.RequireOpen();
        nint[] slots = Require(scope, index);
        return new TracedRef<T>(Volatile.Read(ref slots[index]));
    }

    /// <summary>Makes an element refer to a block, or to nothing.</summary>
    /// <param name="scope">The calling thread's scope, of the array's heap.</param>
    /// <param name="index">The zero-based index of the element.</param>
    /// <param name="value">A block of that heap, or nothing.</param>
    /// <inheritdoc cref="Get" path="/exception"/>
    /// <exception cref="HeapCorruptionException">
    /// With full checks: <paramref name="value"/> is not a block of the heap. Nothing has changed.
    /// </exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Set(scoped in TracedScope scope, int index, TracedRef<T> value)
    {
        scope.RequireReference(value.Address);
        nint[] slots = Require(scope, index);
        scope.Heap.BeforeNaming(value.Address);
        Volatile.Write(ref slots[index], value.Address);
    }

    /// <summary>Makes some elements refer to nothing, such as those above the top of a stack.</summary>
    /// <param name="scope">The calling thread's scope, of the array's heap.</param>
    /// <param name="start">The zero-based index of the first element.</param>
    /// <param name="count">The number of elements.</param>
    /// <inheritdoc cref="Get" path="/exception"/>
    /// <exception cref="ArgumentOutOfRangeException">The range does not lie within the elements.</exception>
    public void Clear(scoped in TracedScope scope, int start, int count)
    {
        scope.RequireOpen();
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start, Length - count);
        if (count > 0)
        {
            Require(scope, start).AsSpan(start, count).Clear();
        }
    }

    /// <summary>Disposes the array, which no longer keeps its blocks. May be called in or out of scopes. Calling it again does nothing.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            Volatile.Write(ref _slots, []);
            _heap.Roots.Arrays.Remove(_root);
        }
    }

    // The slots, after a check that one of them has this index.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private nint[] Require(scoped in TracedScope scope, int index)
    {
        nint[] slots = _slots;
        if (_heap != scope.Heap || (uint)index >= (uint)slots.Length)
        {
            Refuse(scope.Heap, index);
        }

        return slots;
    }

    [DoesNotReturn]
    private void Refuse(TracedParts scope, int index)
    {
        if (_heap != scope)
        {
            ThrowHelper.OtherHeap("root array", _heap.Heap.Name, scope.Heap.Name);
        }

        ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, this);
        ThrowHelper.IndexOutOfRange(index, Length);
    }
}
