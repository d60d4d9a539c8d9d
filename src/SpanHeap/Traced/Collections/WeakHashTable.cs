using System.Numerics;
using System.Runtime.CompilerServices;
using SpanHeap.Traced.Layouts;

namespace SpanHeap.Traced.Collections;

/// <summary>The table of a dictionary with weak keys: entries in the order in which they were added, chained from buckets. A zeroed table is empty.</summary>
/// <remarks>
/// <para>
/// Blocks do not move, so the hash of a key is its address, and is not stored. The collector clears an entry whose key has died and touches nothing else of
/// the table: the entry stays in its chain, where it matches no key, until the table needs places and frees all such entries at once
/// (<see cref="Relink"/>). So the pause of a collection does not depend on how a table is made.
/// </para>
/// <para>
/// Finding a value shades nothing while the heap is marked. The caller has the key: it was reachable when marking began, was made since, or was shaded when
/// something weak gave it. So the key is marked in the end, and the value with it, if the entry is still there then. If the entry is removed or gets
/// another value, the barrier shades the value; if it is copied to a larger array, the barrier shades the old one, which still has it. Enumeration alone
/// gives keys that nothing else may keep, and shades what it gives.
/// </para>
/// </remarks>
internal unsafe struct WeakHashTable
{
    // Dead entries are not freed before they are at least this part of all, because that takes a walk over all.
    private const int DeadPart = 4;

    private SegmentedArray<WeakEntry, WeakEntryElements> _entries;
    private SegmentedArray<int, ValueElements<int>> _buckets;

    // The number of entries that have been used, including free ones; and of those in chains, including those that have lost their keys.
    private int _used;
    private int _chained;

    // The next free entry, counted from 1; 0 for none. The link of a free entry is the complement of the number of the next.
    private int _free;

    // Changes whenever entries are added or removed.
    private int _version;

    // 64 minus the binary logarithm of the number of buckets; 0 while there are none.
    private int _shift;

    /// <summary>The offsets of a table's references.</summary>
    public static ReadOnlySpan<int> ReferenceOffsets => [0, 8, 32, 40];

    /// <summary>The number of entries that have their keys.</summary>
    public readonly long Count => _chained - Cleared;

    /// <summary>The number of entries that have been used, which bounds all indices.</summary>
    public readonly int Used => _used;

    public readonly int Version => _version;

    // The entries in chains that the collector has cleared: a step for each segment.
    private readonly long Cleared
    {
        get
        {
            long sum = 0;
            for (long i = 0; i < _entries.Segments; i++)
            {
                sum += WeakArray.At(_entries.SegmentAt(i))->Cleared;
            }

            return sum;
        }
    }

    private readonly long BucketCount => _shift == 0 ? 0 : 1L << (64 - _shift);

    /// <summary>Gets an entry that has been used or is reserved.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly ref WeakEntry EntryAt(int index) => ref _entries.At(index);

    /// <summary>Finds the entry with a key; a null reference if there is none.</summary>
    /// <exception cref="ArgumentNullException">The key refers to nothing.</exception>
    public readonly ref WeakEntry Find(scoped in TracedScope scope, nint key)
    {
        if (key == 0)
        {
            CollectionThrowHelper.NullWeakKey();
        }

        scope.RequireOpenFor(in this);
        scope.RequireReference(key);
        if (_chained == 0)
        {
            return ref Unsafe.NullRef<WeakEntry>();
        }

        for (int number = _buckets.At(BucketOf(key)); number != 0;)
        {
            ref WeakEntry entry = ref _entries.At(number - 1);
            if (entry.Key == key)
            {
                return ref entry;
            }

            number = entry.Next;
        }

        return ref Unsafe.NullRef<WeakEntry>();
    }

    /// <summary>Adds an entry whose key the table does not have.</summary>
    /// <exception cref="OutOfMemoryException">There is no memory, or no further entry. Nothing has changed.</exception>
    /// <exception cref="HeapCorruptionException">With full checks: the value is not a block of the heap. Nothing has changed.</exception>
    public void Add(scoped in TracedScope scope, nint key, nint value)
    {
        // Nothing can fail once the entry has its key.
        scope.RequireReference(value);
        int index = Reserve(scope);
        ref WeakEntry entry = ref _entries.At(index);
        WeakEntryElements.KeyOf(ref entry).Set(scope, new TracedRef<byte>(key));
        WeakEntryElements.ValueOf(ref entry).Set(scope, new TracedRef<byte>(value));
        if (index == _used)
        {
            _used++;
            NoteUsed(index);
        }
        else
        {
            _free = ~entry.Next;
        }

        Link(ref entry, index);
        _version++;
    }

    /// <summary>Removes the entry with a key.</summary>
    /// <returns>Whether there was one.</returns>
    public bool Remove(scoped in TracedScope scope, nint key)
    {
        ref WeakEntry entry = ref Find(scope, key);
        if (Unsafe.IsNullRef(ref entry))
        {
            return false;
        }

        ref int link = ref _buckets.At(BucketOf(key));
        while (!Unsafe.AreSame(ref _entries.At(link - 1), ref entry))
        {
            link = ref _entries.At(link - 1).Next;
        }

        int number = link;
        link = entry.Next;
        entry.Next = ~_free;
        _free = number;
        _chained--;
        _version++;
        WeakEntryElements.Clear(scope, ref entry, 1);
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
            WeakEntryElements.Clear(scope, ref _entries.At(0), Math.Min(_used, _entries.Capacity));
            WeakArray* first = WeakArray.At(_entries.SegmentAt(0));
            first->Used = first->Cleared = 0;
        }

        _used = 0;
        _chained = 0;
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

    // Blocks begin at multiples of 16 bytes.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly long BucketOf(nint key) => Buckets.Of((uint)(key >> SpanClassInfo.GranuleShift) ^ (uint)((ulong)key >> 36), _shift);

    private int Reserve(scoped in TracedScope scope)
    {
        if (_free == 0 && (_used == _entries.Capacity || _used >= BucketCount))
        {
            if (_used > 0 && Cleared >= _used / DeadPart)
            {
                Relink(BucketCount);
            }

            if (_free == 0)
            {
                Grow(scope, _used + 1L);
            }
        }

        return _free != 0 ? _free - 1 : _used;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Link(ref WeakEntry entry, int index)
    {
        ref int bucket = ref _buckets.At(BucketOf(entry.Key));
        entry.Next = bucket;
        bucket = index + 1;
        _chained++;
    }

    // Chains all entries anew, and frees those that have lost their keys. They stay where they are.
    private void Relink(long buckets)
    {
        SetBuckets(buckets);
        _free = 0;
        _chained = 0;
        for (int i = _used; i-- > 0;)
        {
            ref WeakEntry entry = ref _entries.At(i);
            if (entry.Key != 0)
            {
                Link(ref entry, i);
            }
            else
            {
                entry.Next = ~_free;
                _free = i + 1;
            }
        }

        for (long i = 0; i < _entries.Segments; i++)
        {
            WeakArray.At(_entries.SegmentAt(i))->Cleared = 0;
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Grow(scoped in TracedScope scope, long capacity)
    {
        if (capacity > int.MaxValue)
        {
            CollectionThrowHelper.TooManyEntries();
        }

        // What an array has counted is not copied to a larger one.
        if (_entries.Capacity < SegmentedArray<WeakEntry, WeakEntryElements>.SegmentLength && Cleared > 0)
        {
            Relink(BucketCount);
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

        // The first array may be another one now.
        if (_used > 0)
        {
            NoteUsed(Math.Min(_used, SegmentedArray<WeakEntry, WeakEntryElements>.SegmentLength) - 1);
        }

        if (buckets > BucketCount)
        {
            Relink(buckets);
        }
    }

    // So that markers come to an entry, which has its key and value.
    private readonly void NoteUsed(long index)
    {
        long length = SegmentedArray<WeakEntry, WeakEntryElements>.SegmentLength;
        Volatile.Write(ref WeakArray.At(_entries.SegmentAt(index / length))->Used, (index % length) + 1);
    }

    private void SetBuckets(long count)
    {
        Buckets.Clear(ref _buckets, Math.Min(BucketCount, count));
        _shift = Buckets.ShiftOf(count);
    }
}
