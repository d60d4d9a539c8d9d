using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using SpanHeap.Collections;

namespace SpanHeap;

/// <summary>
/// A list of references, in traced memory: <c>scope.New&lt;TracedRefList&lt;T&gt;&gt;()</c> makes an empty one, which a <see cref="Gc{U}"/>
/// or a handle keeps, and which keeps what its entries refer to. Never copied as a value.
/// </summary>
/// <typeparam name="T">What the entries refer to.</typeparam>
/// <inheritdoc cref="TracedList{T}" path="/remarks"/>
public struct TracedRefList<T> : ITraced<TracedRefList<T>>
    where T : unmanaged
{
    private SegmentedList<Gc<T>, ReferenceElements<T>> _list;

    static unsafe TracedLayout ITraced<TracedRefList<T>>.Layout { get; } = TracedLayout.OfFields(
        sizeof(TracedRefList<T>), SegmentedArray<Gc<T>, ReferenceElements<T>>.FirstOffset, SegmentedArray<Gc<T>, ReferenceElements<T>>.SegmentsOffset);

    /// <summary>How many entries it has.</summary>
    public readonly long Count => _list.Count;

    /// <summary>How many it has room for before it grows.</summary>
    public readonly long Capacity => _list.Capacity;

    /// <summary>An entry, to read or write in a scope.</summary>
    /// <param name="index">Which, from 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such entry.</exception>
    [UnscopedRef]
    public readonly ref Gc<T> this[long index]
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => ref _list.At(index);
    }

    /// <summary>Adds an entry at the end.</summary>
    /// <param name="scope">The calling thread's scope.</param>
    /// <param name="value">A block of the scope's heap, which is the list's, too; or nothing.</param>
    /// <exception cref="OutOfMemoryException">There is no memory, or the heap is at its limit. The list is as before.</exception>
    /// <exception cref="InvalidOperationException">With full checks: the scope has ended, or is another thread's.</exception>
    /// <exception cref="HeapCorruptionException">With full checks: <paramref name="value"/> is no block of the heap. Nothing has changed.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Add(scoped in GcScope scope, GcRef<T> value)
    {
        _list.Reserve(scope).Set(scope, value);
        _list.Commit();
    }

    /// <summary>Puts an entry before another, or at the end.</summary>
    /// <param name="scope">The calling thread's scope.</param>
    /// <param name="index">Where it will be: from 0 to <see cref="Count"/>.</param>
    /// <param name="value">A block of the scope's heap, which is the list's, too; or nothing.</param>
    /// <inheritdoc cref="Add" path="/exception"/>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="index"/> is no such place.</exception>
    public void Insert(scoped in GcScope scope, long index, GcRef<T> value)
    {
        // Refused before entries have moved.
        scope.RequireReference(value.Address);
        _list.Open(scope, index).Set(scope, value);
    }

    /// <summary>Takes an entry out; those behind it move up.</summary>
    /// <param name="scope">The calling thread's scope.</param>
    /// <param name="index">Which, from 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such entry.</exception>
    /// <exception cref="InvalidOperationException">With full checks: the scope has ended, or is another thread's.</exception>
    public void RemoveAt(scoped in GcScope scope, long index) => _list.RemoveAt(scope, index);

    /// <summary>Takes the last entry out.</summary>
    /// <param name="scope">The calling thread's scope.</param>
    /// <returns>The entry.</returns>
    /// <exception cref="InvalidOperationException">The list is empty; with full checks also: the scope has ended, or is another thread's.</exception>
    public GcRef<T> RemoveLast(in GcScope scope)
    {
        GcRef<T> last = _list.Last().Get(scope);
        _list.RemoveAt(scope, _list.Count - 1);
        return last;
    }

    /// <summary>Takes all entries out. Room for as many as fit in 1 MiB stays.</summary>
    /// <param name="scope">The calling thread's scope.</param>
    /// <exception cref="InvalidOperationException">With full checks: the scope has ended, or is another thread's.</exception>
    public void Clear(scoped in GcScope scope) => _list.Clear(scope);

    /// <summary>Makes room, so that the list does not grow before it has so many entries.</summary>
    /// <param name="scope">The calling thread's scope.</param>
    /// <param name="capacity">How many in all.</param>
    /// <exception cref="OutOfMemoryException">There is no memory, or the heap is at its limit. The list is as before.</exception>
    /// <exception cref="InvalidOperationException">With full checks: the scope has ended, or is another thread's.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="capacity"/> is negative.</exception>
    public void EnsureCapacity(scoped in GcScope scope, long capacity) => _list.EnsureCapacity(scope, capacity);

    /// <summary>Goes through all entries, for a <c>foreach</c> by <c>ref</c>: what an entry refers to is read or changed by its own methods.</summary>
    [UnscopedRef]
    public Enumerator GetEnumerator() => new(ref _list);

    /// <summary>What goes through a list. Throws <see cref="InvalidOperationException"/> when entries have come or gone meanwhile.</summary>
    public ref struct Enumerator
    {
        private SegmentedCursor<Gc<T>, ReferenceElements<T>> _cursor;

        internal Enumerator(ref SegmentedList<Gc<T>, ReferenceElements<T>> list) => _cursor = list.Enumerate();

        /// <summary>The entry it has come to.</summary>
        public readonly ref Gc<T> Current => ref _cursor.Current;

        /// <summary>Goes to the next entry.</summary>
        /// <returns>Whether there is one.</returns>
        /// <exception cref="InvalidOperationException">The list was changed since the enumeration began.</exception>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public bool MoveNext() => _cursor.MoveNext();
    }
}
