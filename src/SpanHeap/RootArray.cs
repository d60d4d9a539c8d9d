using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using SpanHeap.Tracing;

namespace SpanHeap;

/// <summary>
/// References that keep what they refer to, and everything that it reaches, until the array is disposed: the stack of an interpreter,
/// a table of globals.
/// </summary>
/// <typeparam name="T">What the references refer to; <see cref="byte"/> for blocks that have no type.</typeparam>
/// <remarks>
/// Made by <see cref="NativeHeap.CreateRootArray{T}"/>. Reading and writing cost what those of a <see cref="Gc{T}"/> do, and need a scope
/// of the array's heap. Threads may use one array, also while another disposes it: what is read then is a block or nothing. One that is
/// dropped without being disposed keeps its blocks as long as the heap lives. Takes 8 bytes of managed memory an element.
/// </remarks>
public sealed class RootArray<T> : IDisposable
    where T : unmanaged
{
    private readonly TracedHeap _heap;
    private readonly RootArraySlots _root;

    // The root's slots; none when disposed. Written by who disposes; who reads it just before uses slots that nobody looks at.
    private nint[] _slots;
    private int _disposed;

    internal RootArray(TracedHeap heap, int length)
    {
        _heap = heap;
        _slots = new nint[length];
        _root = new RootArraySlots(_slots);
        heap.Roots.Arrays.Add(_root);
    }

    /// <summary>How many references there are, also after disposal.</summary>
    public int Length => _root.Slots.Length;

    /// <summary>A reference.</summary>
    /// <param name="scope">The calling thread's scope, of the array's heap.</param>
    /// <param name="index">Which, from 0.</param>
    /// <exception cref="IndexOutOfRangeException">There is no such element.</exception>
    /// <exception cref="ObjectDisposedException">The array has been disposed.</exception>
    /// <exception cref="InvalidOperationException">
    /// The array is of another heap than the scope; with full checks also: the scope has ended, or is another thread's.
    /// </exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public GcRef<T> Get(in GcScope scope, int index)
    {
        scope.RequireOpen();
        nint[] slots = Require(scope, index);
        return new GcRef<T>(Volatile.Read(ref slots[index]));
    }

    /// <summary>Makes an element refer to a block, or to nothing.</summary>
    /// <param name="scope">The calling thread's scope, of the array's heap.</param>
    /// <param name="index">Which, from 0.</param>
    /// <param name="value">A block of that heap, or nothing.</param>
    /// <inheritdoc cref="Get" path="/exception"/>
    /// <exception cref="HeapCorruptionException">With full checks: <paramref name="value"/> is no block of the heap. Nothing has changed.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Set(scoped in GcScope scope, int index, GcRef<T> value)
    {
        scope.RequireReference(value.Address);
        nint[] slots = Require(scope, index);
        Volatile.Write(ref slots[index], value.Address);
    }

    /// <summary>Makes some elements refer to nothing, as those above the top of a stack.</summary>
    /// <param name="scope">The calling thread's scope, of the array's heap.</param>
    /// <param name="start">The first, from 0.</param>
    /// <param name="count">How many.</param>
    /// <inheritdoc cref="Get" path="/exception"/>
    /// <exception cref="ArgumentOutOfRangeException">They are not all there.</exception>
    public void Clear(scoped in GcScope scope, int start, int count)
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

    /// <summary>Lets all blocks go. Again, it does nothing. In or out of scopes.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            Volatile.Write(ref _slots, []);
            _heap.Roots.Arrays.Remove(_root);
        }
    }

    // The slots, of which there is one with this index.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private nint[] Require(scoped in GcScope scope, int index)
    {
        nint[] slots = _slots;
        if (_heap != scope.Heap || (uint)index >= (uint)slots.Length)
        {
            Refuse(scope.Heap, index);
        }

        return slots;
    }

    [DoesNotReturn]
    private void Refuse(TracedHeap scope, int index)
    {
        if (_heap != scope)
        {
            ThrowHelper.OtherHeap("root array", _heap.Name, scope.Name);
        }

        ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, this);
        ThrowHelper.IndexOutOfRange(index, Length);
    }
}
