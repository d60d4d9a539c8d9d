using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace SpanHeap.Collections;

/// <summary>What all dictionaries are: entries in the order in which they came, chained from buckets. Zero is an empty one.</summary>
/// <typeparam name="TKey">What keys are in an entry.</typeparam>
/// <typeparam name="TKeys">How they are stored.</typeparam>
/// <typeparam name="TValue">What values are in an entry.</typeparam>
/// <typeparam name="TValues">How they are stored.</typeparam>
/// <remarks>
/// Entries never move but out of the first segment while that grows. Buckets, twice as many as before when there are more entries than
/// buckets, are numbers of entries from 1 on, so that zeroed ones are empty.
/// </remarks>
internal struct HashTable<TKey, TKeys, TValue, TValues>
    where TKey : unmanaged
    where TKeys : struct, IElements<TKey>
    where TValue : unmanaged
    where TValues : struct, IElements<TValue>
{
    private SegmentedArray<TableEntry<TKey, TKeys, TValue, TValues>, EntryElements<TKey, TKeys, TValue, TValues>> _entries;
    private SegmentedArray<int, ValueElements<int>> _buckets;

    // Entries that have been used, free ones among them.
    private int _used;
    private int _count;

    // The free entry that is taken next, counted from 1; 0 for none.
    private int _free;

    // Changes whenever entries come or go.
    private int _version;

    // 64 less the logarithm of the number of buckets; 0 while there are none.
    private int _shift;

    /// <summary>Where a table has its references.</summary>
    public static ReadOnlySpan<int> ReferenceOffsets => [0, 8, 32, 40];

    public readonly int Count => _count;

    /// <summary>Entries that have been used: the end of all indices.</summary>
    public readonly int Used => _used;

    public readonly int Version => _version;

    private readonly long BucketCount => _shift == 0 ? 0 : 1L << (64 - _shift);

    /// <summary>An entry that has been used, or is reserved.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly ref TableEntry<TKey, TKeys, TValue, TValues> EntryAt(int index) => ref _entries.At(index);

    /// <summary>The entry with a key; a reference to nothing if there is none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly ref TableEntry<TKey, TKeys, TValue, TValues> Find<TProbe>(scoped in GcScope scope, scoped TProbe probe)
        where TProbe : IProbe<TKey>, allows ref struct
    {
        scope.RequireOpenFor(in this);
        if (_count == 0)
        {
            return ref Unsafe.NullRef<TableEntry<TKey, TKeys, TValue, TValues>>();
        }

        uint hash = probe.Hash;
        int number = _buckets.At(Buckets.Of(hash, _shift));
        while (number != 0)
        {
            ref TableEntry<TKey, TKeys, TValue, TValues> entry = ref _entries.At(number - 1);
            if (entry.Hash == hash && probe.Matches(scope, in entry.Key))
            {
                return ref entry;
            }

            number = entry.Next;
        }

        return ref Unsafe.NullRef<TableEntry<TKey, TKeys, TValue, TValues>>();
    }

    /// <summary>
    /// A place for an entry whose key is not there: its index. When key and value have been written, <see cref="Commit"/> makes it an entry;
    /// a place that is not committed is given out again.
    /// </summary>
    /// <exception cref="OutOfMemoryException">There is no memory, or no entry more. All is as before.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int Reserve(scoped in GcScope scope)
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
    public void Commit(int index, uint hash)
    {
        ref TableEntry<TKey, TKeys, TValue, TValues> entry = ref _entries.At(index);
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

    /// <summary>Takes an entry out.</summary>
    /// <returns>Whether there was one with the key.</returns>
    public bool Remove<TProbe>(scoped in GcScope scope, scoped TProbe probe)
        where TProbe : IProbe<TKey>, allows ref struct
    {
        ref TableEntry<TKey, TKeys, TValue, TValues> entry = ref Find(scope, probe);
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
        EntryElements<TKey, TKeys, TValue, TValues>.Clear(scope, ref entry, 1);
        return true;
    }

    public void Clear(scoped in GcScope scope)
    {
        scope.RequireOpenFor(in this);
        _entries.Shrink(scope);
        _buckets.Shrink(scope);
        if (_shift != 0)
        {
            SetBuckets(_buckets.Capacity);
            EntryElements<TKey, TKeys, TValue, TValues>.Clear(scope, ref _entries.At(0), Math.Min(_used, _entries.Capacity));
        }

        _used = 0;
        _count = 0;
        _free = 0;
        _version++;
    }

    public void EnsureCapacity(scoped in GcScope scope, long capacity)
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
    public TableCursor<TKey, TKeys, TValue, TValues> Enumerate() => new(ref this);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Link(ref TableEntry<TKey, TKeys, TValue, TValues> entry, int index)
    {
        ref int bucket = ref _buckets.At(Buckets.Of(entry.Hash, _shift));
        entry.Next = bucket;
        bucket = index + 1;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Grow(scoped in GcScope scope, long capacity)
    {
        if (capacity > int.MaxValue)
        {
            CollectionThrowHelper.TooManyEntries();
        }

        // First what can fail: nothing is different for it.
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
                ref TableEntry<TKey, TKeys, TValue, TValues> entry = ref _entries.At(i);
                if (entry.Next >= 0)
                {
                    Link(ref entry, i);
                }
            }
        }
    }

    // Makes all buckets empty.
    private void SetBuckets(long count)
    {
        _shift = 64 - BitOperations.Log2((ulong)count);
        for (long at = 0; at < count; at += SegmentedArray<int, ValueElements<int>>.RunLength(at, count))
        {
            int run = (int)SegmentedArray<int, ValueElements<int>>.RunLength(at, count);
            System.Runtime.InteropServices.MemoryMarshal.CreateSpan(ref _buckets.At(at), run).Clear();
        }
    }
}
