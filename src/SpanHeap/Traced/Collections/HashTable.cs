using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace SpanHeap.Traced.Collections;

/// <summary>The table of all dictionaries: entries in the order in which they were added, chained from buckets. A zeroed table is empty.</summary>
/// <typeparam name="TKey">The type of the keys as stored.</typeparam>
/// <typeparam name="TValue">The type of the values as stored.</typeparam>
/// <typeparam name="TValues">How values are stored.</typeparam>
/// <remarks>
/// Entries only move while the first segment grows. The number of buckets doubles when there are more entries than buckets. A bucket holds the
/// number of an entry, from 1, so that a zeroed bucket is empty.
/// </remarks>
internal struct HashTable<TKey, TValue, TValues>
    where TKey : unmanaged
    where TValue : unmanaged
    where TValues : struct, IElements<TValue>
{
    /// <summary>What <see cref="FindOrReserve"/> gives in place of an index for a key that the table has.</summary>
    public const int Known = -1;

    private SegmentedArray<TableEntry<TKey, TValue, TValues>, EntryElements<TKey, TValue, TValues>> _entries;
    private SegmentedArray<int, ValueElements<int>> _buckets;

    // The number of entries that have been used, including free ones.
    private int _used;
    private int _count;

    // The next free entry, counted from 1; 0 for none.
    private int _free;

    // Changes whenever entries are added or removed.
    private int _version;

    // 64 minus the binary logarithm of the number of buckets; 0 while there are none.
    private int _shift;

    /// <summary>The offsets of a table's references.</summary>
    public static ReadOnlySpan<int> ReferenceOffsets => [0, 8, 32, 40];

    public readonly int Count => _count;

    /// <summary>The number of entries that have been used, which bounds all indices.</summary>
    public readonly int Used => _used;

    public readonly int Version => _version;

    private readonly long BucketCount => _shift == 0 ? 0 : 1L << (64 - _shift);

    /// <summary>Gets an entry that has been used or is reserved.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly ref TableEntry<TKey, TValue, TValues> EntryAt(int index) => ref _entries.At(index);

    /// <summary>Finds the entry with a key; a null reference if there is none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly ref TableEntry<TKey, TValue, TValues> Find<TProbe>(scoped in TracedScope scope, scoped TProbe probe)
        where TProbe : IProbe<TKey>, allows ref struct
    {
        scope.RequireOpenFor(in this);
        if (_count == 0)
        {
            return ref Unsafe.NullRef<TableEntry<TKey, TValue, TValues>>();
        }

        uint hash = probe.Hash;
        int number = _buckets.At(Buckets.Of(hash, _shift));
        while (number != 0)
        {
            ref TableEntry<TKey, TValue, TValues> entry = ref _entries.At(number - 1);
            if (entry.Hash == hash && probe.Matches(scope, in entry.Key))
            {
                return ref entry;
            }

            number = entry.Next;
        }

        return ref Unsafe.NullRef<TableEntry<TKey, TValue, TValues>>();
    }

    /// <summary>
    /// Finds the value of a key, or reserves an entry that has the key and any value. Once the value is written, <see cref="Commit"/> makes it an
    /// entry; an entry that is not committed is reserved again.
    /// </summary>
    /// <param name="scope">The calling thread's scope.</param>
    /// <param name="probe">The key.</param>
    /// <param name="reserved">The index of the reserved entry; <see cref="Known"/> if the table has the key.</param>
    /// <exception cref="OutOfMemoryException">There is no memory, or no further entry. Nothing has changed.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ref TValue FindOrReserve(scoped in TracedScope scope, KeyProbe<TKey> probe, out int reserved)
    {
        ref TableEntry<TKey, TValue, TValues> entry = ref Find(scope, probe);
        reserved = Known;
        if (Unsafe.IsNullRef(ref entry))
        {
            reserved = Reserve(scope);
            entry = ref _entries.At(reserved);
            probe.Store(scope, ref entry.Key);
        }

        return ref entry.Value;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Commit(int index, uint hash)
    {
        ref TableEntry<TKey, TValue, TValues> entry = ref _entries.At(index);
        if (index == _used)
        {
            _used++;
        }
        else
        {
            _free = ~entry.Next;
        }

        entry.Hash = hash;
        Link(ref entry, index);
        _count++;
        _version++;
    }

    /// <summary>Removes an entry.</summary>
    /// <returns>Whether there was one with the key.</returns>
    public bool Remove<TProbe>(scoped in TracedScope scope, scoped TProbe probe)
        where TProbe : IProbe<TKey>, allows ref struct
    {
        ref TableEntry<TKey, TValue, TValues> entry = ref Find(scope, probe);
        if (Unsafe.IsNullRef(ref entry))
        {
            return false;
        }

        ref int link = ref _buckets.At(Buckets.Of(entry.Hash, _shift));
        while (!Unsafe.AreSame(ref _entries.At(link - 1), ref entry))
        {
            link = ref _entries.At(link - 1).Next;
        }

        int number = link;
        link = entry.Next;
        entry.Next = ~_free;
        _free = number;
        _count--;
        _version++;
        EntryElements<TKey, TValue, TValues>.Clear(scope, ref entry, 1);
        return true;
    }

    public void Clear(scoped in TracedScope scope)
    {
        scope.RequireOpenFor(in this);
        _entries.Shrink(scope);
        _buckets.Shrink(scope);
        if (_shift != 0)
        {
            SetBuckets(_buckets.Capacity);
            EntryElements<TKey, TValue, TValues>.Clear(scope, ref _entries.At(0), Math.Min(_used, _entries.Capacity));
        }

        _used = 0;
        _count = 0;
        _free = 0;
        _version++;
    }

    public void EnsureCapacity(scoped in TracedScope scope, long capacity)
    {
        scope.RequireOpenFor(in this);
        ArgumentOutOfRangeException.ThrowIfNegative(capacity);
        if (capacity > _entries.Capacity || capacity > BucketCount)
        {
            Grow(scope, capacity);
            _version++;
        }
    }

    [UnscopedRef]
    public TableCursor<TKey, TValue, TValues> Enumerate() => new(ref this);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int Reserve(scoped in TracedScope scope)
    {
        if (_free != 0)
        {
            return _free - 1;
        }

        if (_used == _entries.Capacity || _used >= BucketCount)
        {
            Grow(scope, _used + 1L);
        }

        return _used;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Link(ref TableEntry<TKey, TValue, TValues> entry, int index)
    {
        ref int bucket = ref _buckets.At(Buckets.Of(entry.Hash, _shift));
        entry.Next = bucket;
        bucket = index + 1;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Grow(scoped in TracedScope scope, long capacity)
    {
        if (capacity > int.MaxValue)
        {
            CollectionThrowHelper.TooManyEntries();
        }

        // First comes what can fail, and changes nothing visible.
        long buckets = Math.Max(Buckets.Least, (long)BitOperations.RoundUpToPowerOf2((ulong)capacity));
        var before = _entries.Remember(scope);
        _entries.Grow(scope, capacity);
        try
        {
            _buckets.Grow(scope, buckets);
        }
        catch
        {
            _entries.GoBack(scope, before);
            throw;
        }

        if (buckets > BucketCount)
        {
            SetBuckets(buckets);
            for (int i = 0; i < _used; i++)
            {
                ref TableEntry<TKey, TValue, TValues> entry = ref _entries.At(i);
                if (entry.Next >= 0)
                {
                    Link(ref entry, i);
                }
            }
        }
    }

    private void SetBuckets(long count)
    {
        Buckets.Clear(ref _buckets, Math.Min(BucketCount, count));
        _shift = Buckets.ShiftOf(count);
    }
}
