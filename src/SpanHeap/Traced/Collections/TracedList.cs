using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SpanHeap.Traced.Collections;

namespace SpanHeap.Traced;

/// <summary>
/// A list in traced memory of values without references. <c>scope.New&lt;TracedList&lt;T&gt;&gt;()</c> makes an empty one, which a
/// <see cref="Traced{U}"/> or a handle keeps. It must not be copied by value.
/// </summary>
/// <typeparam name="T">The type of the entries: any type without a <see cref="Traced{U}"/> in it.</typeparam>
/// <remarks>
/// <para>
/// All operations need a scope. Up to 1 MiB, the entries are one block, which doubles as it grows. A longer list has segments of 1 MiB, so only
/// memory limits it and growth does not copy. It allocates no managed memory.
/// </para>
/// <para>
/// Threads may read concurrently while no thread changes the list; a reference or span to entries is valid until the list grows or is cleared.
/// </para>
/// </remarks>
public struct TracedList<T> : ITraced<TracedList<T>>
    where T : unmanaged
{
    private SegmentedList<T, ValueElements<T>> _list;

    static unsafe TracedLayout ITraced<TracedList<T>>.Layout { get; } = TracedLayout.OfFields(
        sizeof(TracedList<T>), SegmentedArray<T, ValueElements<T>>.FirstOffset, SegmentedArray<T, ValueElements<T>>.SegmentsOffset);

    /// <summary>Gets the number of entries.</summary>
    public readonly long Count => _list.Count;

    /// <summary>Gets the number of entries that the list can hold without growing.</summary>
    public readonly long Capacity => _list.Capacity;

    /// <summary>Gets a reference to an entry, to read or write it within a scope.</summary>
    /// <param name="index">The zero-based index of the entry.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="index"/> is not a valid index.</exception>
    [UnscopedRef]
    public readonly ref T this[long index]
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => ref _list.At(index);
    }

    /// <summary>Adds an entry at the end.</summary>
    /// <param name="scope">The calling thread's scope.</param>
    /// <param name="value">The entry.</param>
    /// <exception cref="OutOfMemoryException">There is no memory, or the heap is at its limit. The list is as before.</exception>
    /// <exception cref="InvalidOperationException">
    /// <typeparamref name="T"/> has references, which no collection would find; with full checks also: the scope has ended or belongs to another
    /// thread.
    /// </exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Add(scoped in TracedScope scope, T value)
    {
        _list.Reserve(scope) = value;
        _list.Commit();
    }

    /// <summary>Inserts an entry before another, or at the end.</summary>
    /// <param name="scope">The calling thread's scope.</param>
    /// <param name="index">The zero-based index that the entry will have: from 0 to <see cref="Count"/>.</param>
    /// <param name="value">The entry.</param>
    /// <inheritdoc cref="Add" path="/exception"/>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="index"/> is less than 0 or greater than <see cref="Count"/>.</exception>
    public void Insert(scoped in TracedScope scope, long index, T value) => _list.Open(scope, index) = value;

    /// <summary>Removes an entry; the entries after it move down by one.</summary>
    /// <param name="scope">The calling thread's scope.</param>
    /// <param name="index">The zero-based index of the entry.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="index"/> is not a valid index.</exception>
    /// <exception cref="InvalidOperationException">With full checks: the scope has ended or belongs to another thread.</exception>
    public void RemoveAt(scoped in TracedScope scope, long index) => _list.RemoveAt(scope, index);

    /// <summary>Removes the last entry.</summary>
    /// <param name="scope">The calling thread's scope.</param>
    /// <returns>The entry.</returns>
    /// <exception cref="InvalidOperationException">
    /// The list is empty; with full checks also: the scope has ended or belongs to another thread.
    /// </exception>
    public T RemoveLast(scoped in TracedScope scope)
    {
        T last = _list.Last();
        _list.RemoveAt(scope, _list.Count - 1);
        return last;
    }

    /// <summary>Removes all entries. Capacity for as many as fit in 1 MiB remains.</summary>
    /// <param name="scope">The calling thread's scope.</param>
    /// <exception cref="InvalidOperationException">With full checks: the scope has ended or belongs to another thread.</exception>
    public void Clear(scoped in TracedScope scope) => _list.Clear(scope);

    /// <summary>Ensures that the list can hold a given number of entries without growing.</summary>
    /// <param name="scope">The calling thread's scope.</param>
    /// <param name="capacity">The total number of entries.</param>
    /// <inheritdoc cref="Add" path="/exception"/>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="capacity"/> is negative.</exception>
    public void EnsureCapacity(scoped in TracedScope scope, long capacity) => _list.EnsureCapacity(scope, capacity);

    /// <summary>Gets all entries as a span, if they lie side by side.</summary>
    /// <exception cref="InvalidOperationException">
    /// The entries do not lie side by side, because they take more than 1 MiB. <see cref="SpanFrom"/> gives them run by run.
    /// </exception>
    [UnscopedRef]
    public readonly Span<T> AsSpan()
    {
        if (_list.Count > SegmentedArray<T, ValueElements<T>>.SegmentLength)
        {
            CollectionThrowHelper.Segmented(_list.Count, SegmentedArray<T, ValueElements<T>>.SegmentLength);
        }

        return _list.Count == 0 ? [] : SpanFrom(0);
    }

    /// <summary>
    /// Gets the entries that lie side by side from an index on: all of them in a list of up to 1 MiB, at least one in a longer list.
    /// </summary>
    /// <param name="index">The zero-based index of the first entry.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="index"/> is not a valid index.</exception>
    [UnscopedRef]
    public readonly Span<T> SpanFrom(long index) => MemoryMarshal.CreateSpan(ref _list.At(index), (int)_list.RunLength(index));

    /// <summary>Enumerates all entries, for <c>foreach</c>: by value, or by <c>ref</c> to change them in place.</summary>
    [UnscopedRef]
    public Enumerator GetEnumerator() => new(ref _list);

    /// <summary>Enumerates a list. It throws <see cref="InvalidOperationException"/> if entries were added or removed meanwhile.</summary>
    public ref struct Enumerator
    {
        private SegmentedCursor<T, ValueElements<T>> _cursor;

        internal Enumerator(ref SegmentedList<T, ValueElements<T>> list) => _cursor = list.Enumerate();

        /// <summary>Gets the current entry.</summary>
        public readonly ref T Current => ref _cursor.Current;

        /// <summary>Advances to the next entry.</summary>
        /// <returns>Whether there is a next entry.</returns>
        /// <exception cref="InvalidOperationException">The list has changed since the enumeration began.</exception>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public bool MoveNext() => _cursor.MoveNext();
    }
}
