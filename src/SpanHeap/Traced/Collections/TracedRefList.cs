using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using SpanHeap.Traced.Collections;

namespace SpanHeap.Traced;

/// <summary>
/// A list of references in traced memory. <c>scope.New&lt;TracedRefList&lt;T&gt;&gt;()</c> makes an empty one, which a <see cref="Traced{U}"/> or a
/// handle keeps, and which keeps what its entries refer to. It must not be copied by value.
/// </summary>
/// <typeparam name="T">The type of the blocks that the entries refer to.</typeparam>
/// <inheritdoc cref="TracedList{T}" path="/remarks"/>
public struct TracedRefList<T> : ITraced<TracedRefList<T>>
    where T : unmanaged
{
    private SegmentedList<Traced<T>, ReferenceElements<T>> _list;

    static unsafe TracedLayout ITraced<TracedRefList<T>>.Layout { get; } = TracedLayout.OfFields(
        sizeof(TracedRefList<T>), SegmentedArray<Traced<T>, ReferenceElements<T>>.FirstOffset, SegmentedArray<Traced<T>, ReferenceElements<T>>.SegmentsOffset);

    /// <summary>Gets the number of entries.</summary>
    public readonly long Count => _list.Count;

    /// <summary>Gets the number of entries that the list can hold without growing.</summary>
    public readonly long Capacity => _list.Capacity;

    /// <summary>Gets a reference to an entry, to read or write it within a scope.</summary>
    /// <param name="index">The zero-based index of the entry.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="index"/> is not a valid index.</exception>
    [UnscopedRef]
    public readonly ref Traced<T> this[long index]
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => ref _list.At(index);
    }

    /// <summary>Adds an entry at the end.</summary>
    /// <param name="scope">The calling thread's scope.</param>
    /// <param name="value">A block of the heap that the scope and the list belong to, or nothing.</param>
    /// <exception cref="OutOfMemoryException">There is no memory, or the heap is at its limit. The list is as before.</exception>
    /// <exception cref="InvalidOperationException">With full checks: the scope has ended or belongs to another thread.</exception>
    /// <exception cref="HeapCorruptionException">
    /// With full checks: <paramref name="value"/> is not a block of the heap. Nothing has changed.
    /// </exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Add(scoped in TracedScope scope, TracedRef<T> value)
    {
        _list.Reserve(scope).Set(scope, value);
        _list.Commit();
    }

    /// <summary>Inserts an entry before another, or at the end.</summary>
    /// <param name="scope">The calling thread's scope.</param>
    /// <param name="index">The zero-based index that the entry will have: from 0 to <see cref="Count"/>.</param>
    /// <param name="value">A block of the heap that the scope and the list belong to, or nothing.</param>
    /// <inheritdoc cref="Add" path="/exception"/>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="index"/> is less than 0 or greater than <see cref="Count"/>.</exception>
    public void Insert(scoped in TracedScope scope, long index, TracedRef<T> value)
    {
        // Refused before entries have moved.
        scope.RequireReference(value.Address);
        _list.Open(scope, index).Set(scope, value);
    }

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
    public TracedRef<T> RemoveLast(in TracedScope scope)
    {
        TracedRef<T> last = _list.Last().Get(scope);
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
    /// <exception cref="OutOfMemoryException">There is no memory, or the heap is at its limit. The list is as before.</exception>
    /// <exception cref="InvalidOperationException">With full checks: the scope has ended or belongs to another thread.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="capacity"/> is negative.</exception>
    public void EnsureCapacity(scoped in TracedScope scope, long capacity) => _list.EnsureCapacity(scope, capacity);

    /// <summary>Enumerates all entries, for <c>foreach</c> by <c>ref</c>: an entry is read and changed by its own methods.</summary>
    [UnscopedRef]
    public Enumerator GetEnumerator() => new(ref _list);

    /// <summary>Enumerates a list. It throws <see cref="InvalidOperationException"/> if entries were added or removed meanwhile.</summary>
    public ref struct Enumerator
    {
        private SegmentedCursor<Traced<T>, ReferenceElements<T>> _cursor;

        internal Enumerator(ref SegmentedList<Traced<T>, ReferenceElements<T>> list) => _cursor = list.Enumerate();

        /// <summary>Gets the current entry.</summary>
        public readonly ref Traced<T> Current => ref _cursor.Current;

        /// <summary>Advances to the next entry.</summary>
        /// <returns>Whether there is a next entry.</returns>
        /// <exception cref="InvalidOperationException">The list has changed since the enumeration began.</exception>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public bool MoveNext() => _cursor.MoveNext();
    }
}
