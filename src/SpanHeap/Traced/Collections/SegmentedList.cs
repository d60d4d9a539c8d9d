using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace SpanHeap.Traced.Collections;

/// <summary>The common part of lists of values and lists of references.</summary>
/// <typeparam name="T">The type of the entries as stored.</typeparam>
/// <typeparam name="TElements">How entries are made and moved.</typeparam>
internal struct SegmentedList<T, TElements>
    where T : unmanaged
    where TElements : struct, IElements<T>
{
    private SegmentedArray<T, TElements> _entries;
    private long _count;

    // Changes whenever entries are added, removed or moved.
    private int _version;

    public readonly long Count => _count;

    public readonly long Capacity => _entries.Capacity;

    public readonly int Version => _version;

    /// <exception cref="ArgumentOutOfRangeException"><paramref name="index"/> is not a valid index.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly ref T At(long index)
    {
        if ((ulong)index >= (ulong)_count)
        {
            CollectionThrowHelper.NoEntry(index, _count);
        }

        return ref _entries.At(index);
    }

    /// <summary>Gets the place after the last entry, which <see cref="Commit"/> makes an entry once it is written.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ref T Reserve(scoped in TracedScope scope)
    {
        scope.RequireOpenFor(in this);
        if (_count == _entries.Capacity)
        {
            Grow(scope);
        }

        return ref _entries.At(_count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Commit()
    {
        _count++;
        _version++;
    }

    /// <summary>Moves the entries from an index on up by one; the caller then writes the entry at the index.</summary>
    public ref T Open(scoped in TracedScope scope, long index)
    {
        scope.RequireOpenFor(in this);
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(index, _count);
        _entries.Grow(scope, _count + 1);
        for (long at = _count; at > index;)
        {
            long start = Math.Max(index, at & -SegmentedArray<T, TElements>.SegmentLength);
            if (start < at)
            {
                TElements.Copy(scope, ref _entries.At(start), ref _entries.At(start + 1), at - start);
            }

            if (start > index)
            {
                TElements.Copy(scope, ref _entries.At(start - 1), ref _entries.At(start), 1);
            }

            at = start - 1;
        }

        Commit();
        return ref _entries.At(index);
    }

    public void RemoveAt(scoped in TracedScope scope, long index)
    {
        scope.RequireOpenFor(in this);
        _ = ref At(index);
        long last = _count - 1;
        for (long at = index; at < last;)
        {
            long end = Math.Min(last, at | (SegmentedArray<T, TElements>.SegmentLength - 1));
            if (at < end)
            {
                TElements.Copy(scope, ref _entries.At(at + 1), ref _entries.At(at), end - at);
            }

            if (end < last)
            {
                TElements.Copy(scope, ref _entries.At(end + 1), ref _entries.At(end), 1);
            }

            at = end + 1;
        }

        TElements.Clear(scope, ref _entries.At(last), 1);
        _count = last;
        _version++;
    }

    /// <summary>Gets the last entry, which the caller then removes by <see cref="RemoveAt"/>.</summary>
    /// <exception cref="InvalidOperationException">The list is empty.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly ref T Last()
    {
        if (_count == 0)
        {
            CollectionThrowHelper.EmptyList();
        }

        return ref _entries.At(_count - 1);
    }

    public void Clear(scoped in TracedScope scope)
    {
        scope.RequireOpenFor(in this);
        _entries.Shrink(scope);
        if (_count > 0)
        {
            TElements.Clear(scope, ref _entries.At(0), Math.Min(_count, _entries.Capacity));
        }

        _count = 0;
        _version++;
    }

    public void EnsureCapacity(scoped in TracedScope scope, long capacity)
    {
        scope.RequireOpenFor(in this);
        ArgumentOutOfRangeException.ThrowIfNegative(capacity);
        if (capacity > _entries.Capacity)
        {
            _entries.Grow(scope, capacity);
            _version++;
        }
    }

    [UnscopedRef]
    public SegmentedCursor<T, TElements> Enumerate() => new(ref this);

    // The entries that lie side by side from one on.
    public readonly long RunLength(long index) => SegmentedArray<T, TElements>.RunLength(index, _count);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Grow(scoped in TracedScope scope) => _entries.Grow(scope, _count + 1);
}
