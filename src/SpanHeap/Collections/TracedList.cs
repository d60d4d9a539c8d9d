using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SpanHeap.Collections;

namespace SpanHeap;

/// <summary>
/// A list of values without references, in traced memory: <c>scope.New&lt;TracedList&lt;T&gt;&gt;()</c> makes an empty one, which a
/// <see cref="Gc{U}"/> or a handle keeps. Never copied as a value.
/// </summary>
/// <typeparam name="T">What the entries are: anything without a <see cref="Gc{U}"/> in it.</typeparam>
/// <remarks>
/// <para>
/// All is done within a scope. Up to 1 MiB the entries are one block, which doubles; then come segments of 1 MiB, so that the list is limited
/// by memory alone and growing does not copy. Nothing is allocated in managed memory.
/// </para>
/// <para>Threads may read at the same time, while none changes the list; a reference or span to entries is of use until the list grows or is cleared.</para>
/// </remarks>
public struct TracedList<T> : ITraced<TracedList<T>>
    where T : unmanaged
{
    private SegmentedList<T, ValueElements<T>> _list;

    static unsafe TracedLayout ITraced<TracedList<T>>.Layout { get; } = TracedLayout.OfFields(
        sizeof(TracedList<T>), SegmentedArray<T, ValueElements<T>>.FirstOffset, SegmentedArray<T, ValueElements<T>>.SegmentsOffset);

    /// <summary>How many entries it has.</summary>
    public readonly long Count => _list.Count;

    /// <summary>How many it has room for before it grows.</summary>
    public readonly long Capacity => _list.Capacity;

    /// <summary>An entry, to read or write in a scope.</summary>
    /// <param name="index">Which, from 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such entry.</exception>
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
    /// <typeparamref name="T"/> has references, which nobody would find; with full checks also: the scope has ended, or is another thread's.
    /// </exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Add(scoped in GcScope scope, T value)
    {
        _list.Reserve(scope) = value;
        _list.Commit();
    }

    /// <summary>Puts an entry before another, or at the end.</summary>
    /// <param name="scope">The calling thread's scope.</param>
    /// <param name="index">Where it will be: from 0 to <see cref="Count"/>.</param>
    /// <param name="value">The entry.</param>
    /// <inheritdoc cref="Add" path="/exception"/>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="index"/> is no such place.</exception>
    public void Insert(scoped in GcScope scope, long index, T value) => _list.Open(scope, index) = value;

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
    public T RemoveLast(scoped in GcScope scope)
    {
        T last = _list.Last();
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
    /// <inheritdoc cref="Add" path="/exception"/>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="capacity"/> is negative.</exception>
    public void EnsureCapacity(scoped in GcScope scope, long capacity) => _list.EnsureCapacity(scope, capacity);

    /// <summary>All entries, where they lie side by side.</summary>
    /// <exception cref="InvalidOperationException">They do not: there is more than 1 MiB of them. <see cref="SpanFrom"/> gives them run by run.</exception>
    [UnscopedRef]
    public readonly Span<T> AsSpan()
    {
        if (_list.Count > SegmentedArray<T, ValueElements<T>>.SegmentLength)
        {
            CollectionThrowHelper.Segmented(_list.Count, SegmentedArray<T, ValueElements<T>>.SegmentLength);
        }

        return _list.Count == 0 ? [] : SpanFrom(0);
    }

    /// <summary>The entries that lie side by side from one on: all behind it in lists of up to 1 MiB, at least that one in longer ones.</summary>
    /// <param name="index">The first, from 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such entry.</exception>
    [UnscopedRef]
    public readonly Span<T> SpanFrom(long index) => MemoryMarshal.CreateSpan(ref _list.At(index), (int)_list.RunLength(index));

    /// <summary>Goes through all entries, for a <c>foreach</c>: by value, or by <c>ref</c> to change them in place.</summary>
    [UnscopedRef]
    public Enumerator GetEnumerator() => new(ref _list);

    /// <summary>What goes through a list. Throws <see cref="InvalidOperationException"/> when entries have come or gone meanwhile.</summary>
    public ref struct Enumerator
    {
        private SegmentedCursor<T, ValueElements<T>> _cursor;

        internal Enumerator(ref SegmentedList<T, ValueElements<T>> list) => _cursor = list.Enumerate();

        /// <summary>The entry it has come to.</summary>
        public readonly ref T Current => ref _cursor.Current;

        /// <summary>Goes to the next entry.</summary>
        /// <returns>Whether there is one.</returns>
        /// <exception cref="InvalidOperationException">The list was changed since the enumeration began.</exception>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public bool MoveNext() => _cursor.MoveNext();
    }
}
