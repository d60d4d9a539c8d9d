using System.Collections;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace SpanHeap.Buffers;

/// <summary>A list whose values are in a block of a <see cref="NativeHeap"/>. <see cref="Dispose"/> frees the block.</summary>
/// <typeparam name="T">The type of the values.</typeparam>
/// <remarks>
/// Not thread safe. The list grows in place where the heap can do that, which is the rule for long lists, so growing does not copy them. The block of a
/// list that is not disposed stays allocated until the heap is disposed.
/// </remarks>
[SuppressMessage("Naming", "CA1710:Identifiers should have correct suffix", Justification = "It is a list, and is named as List<T> is.")]
public sealed class NativeList<T> : IReadOnlyList<T>, IDisposable
    where T : unmanaged
{
    private GrowableBlock<T> _block;
    private int _count;

    /// <summary>Initializes a new, empty list.</summary>
    /// <param name="heap">The heap that the list's memory comes from.</param>
    /// <param name="capacity">The number of values for which there is room at once.</param>
    /// <exception cref="ArgumentNullException"><paramref name="heap"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="capacity"/> is negative.</exception>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    /// <exception cref="OutOfMemoryException">There is no memory of that size, or the heap is at its limit.</exception>
    public NativeList(NativeHeap heap, int capacity = 0)
    {
        ArgumentNullException.ThrowIfNull(heap);
        ArgumentOutOfRangeException.ThrowIfNegative(capacity);
        _block = new GrowableBlock<T>(heap);
        _block.RequireAlive();
        if (capacity > 0)
        {
            _block.Resize(0, capacity, capacity);
        }
    }

    /// <summary>Gets the number of values.</summary>
    public int Count => _count;

    /// <summary>Gets the number of values for which there is room without growing.</summary>
    public int Capacity => _block.Capacity;

    /// <summary>Gets or sets a value. In a loop, <see cref="AsSpan"/> is faster.</summary>
    /// <param name="index">The index of the value.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="index"/> is negative or not less than <see cref="Count"/>.</exception>
    /// <exception cref="ObjectDisposedException">The list or its heap has been disposed.</exception>
    public T this[int index]
    {
        get => Live(index)[index];
        set => Live(index)[index] = value;
    }

    /// <summary>Adds a value at the end.</summary>
    /// <param name="value">The value.</param>
    /// <exception cref="ObjectDisposedException">The list or its heap has been disposed.</exception>
    /// <exception cref="OutOfMemoryException">There is no memory, or the heap is at its limit. The list is unchanged.</exception>
    public void Add(T value)
    {
        Span<T> values = _block.Values;
        int count = _count;
        if ((uint)count >= (uint)values.Length)
        {
            values = Grow((long)count + 1);
        }

        values[count] = value;
        _count = count + 1;
    }

    /// <summary>Adds values at the end.</summary>
    /// <param name="values">The values, which may be some of the list's own.</param>
    /// <exception cref="ObjectDisposedException">The list or its heap has been disposed.</exception>
    /// <exception cref="OutOfMemoryException">There is no memory, or the heap is at its limit. The list is unchanged.</exception>
    public void AddRange(ReadOnlySpan<T> values)
    {
        Span<T> room = _block.Values;
        if (values.Length > room.Length - _count)
        {
            // The list's own values may move with it.
            bool isOwn = room.Overlaps(values, out int first) && first >= 0;
            int length = values.Length;
            room = Grow((long)_count + length);
            values = isOwn ? room.Slice(first, length) : values;
        }

        values.CopyTo(room[_count..]);
        _count += values.Length;
    }

    /// <summary>Inserts a value; those from the index on move up.</summary>
    /// <param name="index">The index that the value will have.</param>
    /// <param name="value">The value.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="index"/> is negative or greater than <see cref="Count"/>.</exception>
    /// <exception cref="ObjectDisposedException">The list or its heap has been disposed.</exception>
    /// <exception cref="OutOfMemoryException">There is no memory, or the heap is at its limit. The list is unchanged.</exception>
    public void Insert(int index, T value)
    {
        _block.RequireAlive();
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(index, _count);
        Span<T> values = _count < _block.Capacity ? _block.Values : Grow((long)_count + 1);
        values[index.._count].CopyTo(values[(index + 1)..]);
        values[index] = value;
        _count++;
    }

    /// <summary>Removes a value; those after it move down.</summary>
    /// <param name="index">The index of the value.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="index"/> is negative or not less than <see cref="Count"/>.</exception>
    /// <exception cref="ObjectDisposedException">The list or its heap has been disposed.</exception>
    public void RemoveAt(int index)
    {
        Span<T> values = Live(index);
        values[(index + 1).._count].CopyTo(values[index..]);
        _count--;
    }

    /// <summary>Removes all values. The capacity stays.</summary>
    /// <exception cref="ObjectDisposedException">The list or its heap has been disposed.</exception>
    public void Clear()
    {
        _block.RequireAlive();
        _count = 0;
    }

    /// <summary>Makes room for at least the specified number of values.</summary>
    /// <param name="capacity">The number of values.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="capacity"/> is negative.</exception>
    /// <exception cref="ObjectDisposedException">The list or its heap has been disposed.</exception>
    /// <exception cref="OutOfMemoryException">There is no memory, or the heap is at its limit. The list is unchanged.</exception>
    public void EnsureCapacity(int capacity)
    {
        _block.RequireAlive();
        ArgumentOutOfRangeException.ThrowIfNegative(capacity);
        if (capacity > _block.Capacity)
        {
            _block.Grow(_count, capacity);
        }
    }

    /// <summary>Gives the memory back that the values do not need, unless that is not possible now, because the block is pinned or memory is short.</summary>
    /// <exception cref="ObjectDisposedException">The list or its heap has been disposed.</exception>
    public void TrimExcess()
    {
        _block.RequireAlive();
        if (_count < _block.Capacity)
        {
            _block.TryTrim(_count);
        }
    }

    /// <summary>Gets a span over the values.</summary>
    /// <returns>The span, which must not be used after the capacity has changed, or the list or its heap has been disposed.</returns>
    /// <exception cref="ObjectDisposedException">The list or its heap has been disposed.</exception>
    public Span<T> AsSpan() => _block.Values[.._count];

    /// <summary>Gets the values as memory, for example for an asynchronous call.</summary>
    /// <returns>
    /// The memory. After the list has grown it refers to the same places of the list. While it is pinned, the block stays where it is; if the list grows
    /// meanwhile, its values are copied to another block, and the memory ends with the pin.
    /// </returns>
    /// <exception cref="ObjectDisposedException">The list or its heap has been disposed.</exception>
    public Memory<T> AsMemory() => _block.Memory[.._count];

    /// <summary>Gets an enumerator. The list may be changed meanwhile: the enumerator gets the values at the next indexes.</summary>
    /// <returns>The enumerator.</returns>
    public Enumerator GetEnumerator() => new(this);

    /// <summary>Frees the memory. Does nothing if that has been done.</summary>
    public void Dispose()
    {
        _count = 0;
        _block.Dispose();
    }

    IEnumerator<T> IEnumerable<T>.GetEnumerator() => GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private Span<T> Grow(long needed)
    {
        _block.Grow(_count, needed);
        return _block.Values;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Span<T> Live(int index)
    {
        Span<T> values = _block.Values;
        if ((uint)index >= (uint)_count)
        {
            ThrowIndex(index);
        }

        return values;
    }

    [DoesNotReturn]
    private void ThrowIndex(int index) => throw new ArgumentOutOfRangeException(nameof(index), index, $"There is no value {index} in a list of {_count}.");

    /// <summary>Enumerates the values of a <see cref="NativeList{T}"/>.</summary>
    public struct Enumerator : IEnumerator<T>
    {
        private readonly NativeList<T> _list;
        private int _index;

        internal Enumerator(NativeList<T> list)
        {
            _list = list;
            _index = -1;
        }

        /// <inheritdoc/>
        public readonly T Current => _list[_index];

        readonly object IEnumerator.Current => Current;

        /// <inheritdoc/>
        public bool MoveNext() => ++_index < _list.Count;

        /// <inheritdoc/>
        public void Reset() => _index = -1;

        /// <inheritdoc/>
        public readonly void Dispose()
        {
        }
    }
}
