using System.Runtime.CompilerServices;
using SpanHeap.Os;
using SpanHeap.Traced.Layouts;
using SpanHeap.Traced.Spans;

namespace SpanHeap.Traced.Marking;

/// <summary>
/// The arrays of weak entries that a marking has reached, and what follows from them: the value of an entry lives if its key does, and an entry whose key has
/// died is cleared. (Ephemerons, in the words of Hayes.)
/// </summary>
/// <remarks>
/// <para>
/// Markers, and threads that make such an array while the heap is marked, add arrays at any time. All else is done by the collecting thread, or by the one
/// marker of a concurrent marking.
/// </para>
/// <para>
/// When ordinary marking has found nothing left, <see cref="MarkMore"/> looks at all entries and marks the values of keys that are marked. If it has marked
/// any, it looks at all once more, because these values may lead to keys. If they do, it looks a third time, and puts all entries that are left into an
/// index, where the marker finds them as it reaches their keys. From then on it looks at arrays that are new alone, and adds their entries. In the end it
/// looks at all once more, because threads that go on meanwhile may have changed them. So each entry is looked at four times, in whatever order keys, values and dictionaries lead to each other. Without memory for
/// the index, entries are looked at until nothing changes: it takes longer, and finds the same.
/// </para>
/// </remarks>
internal sealed unsafe class WeakArrays(OsMemory os, MetadataAllocator metadata)
{
    // Most dictionaries need no index: their values lead to no key that nothing else leads to, which the second look at them shows.
    private const int PlainLooks = 2;

    // What the last array of the list has in place of the next one, because 0 means that an array is not in the list.
    private const nint End = 1;

    private readonly WeakKeyIndex _index = new(os, metadata);

    // Interlocked: the array that was added last.
    private nint _last = End;

    // The fields below belong to the thread that marks. The array up to which the list has been looked at; whether the entries in it whose keys are not
    // marked are in the index; and how many such entries there were.
    private nint _looked = End;
    private bool _isFollowing;
    private long _unmarked;

    // How often all entries have been looked at in vain: with a value found, and without an index.
    private int _plainLooks;

    /// <summary>Whether no array has been reached.</summary>
    public bool IsEmpty => Volatile.Read(ref _last) == End;

    /// <summary>Whether the marker must tell of each block that it looks into (<see cref="MarkValuesOf"/>).</summary>
    public bool IsWatching => _index.IsInUse;

    /// <summary>The number of entries that this marking has looked at, one as often as it was looked at.</summary>
    public long Steps { get; private set; }

    /// <summary>Begins a marking.</summary>
    public void Begin() => Steps = 0;

    /// <summary>Adds an array that was reached, unless it was added before. Thread safe.</summary>
    /// <remarks>The array is marked, or is made while what is made is marked: so it stays until the list is given up.</remarks>
    public void Add(nint array)
    {
        ref nint next = ref WeakArray.At(array)->NextReached;
        if (Volatile.Read(ref next) != 0 || Interlocked.CompareExchange(ref next, End, 0) != 0)
        {
            return;
        }

        nint last;
        do
        {
            last = Volatile.Read(ref _last);
            Volatile.Write(ref next, last);
        }
        while (Interlocked.CompareExchange(ref _last, array, last) != last);
    }

    /// <summary>
    /// Marks the values of all entries whose keys are marked. The caller's marker has found nothing left, and goes on until this finds nothing either.
    /// </summary>
    /// <returns>Whether a value was marked.</returns>
    public bool MarkMore(Marker marker, uint bitmap)
    {
        if (_isFollowing && LookAtNew(marker, bitmap))
        {
            return true;
        }

        _index.Drop();
        _isFollowing = !_isFollowing && _plainLooks == PlainLooks;
        if (_isFollowing && _unmarked > 0)
        {
            _index.TryMake(_unmarked);
        }

        _looked = End;
        if (LookAtNew(marker, bitmap))
        {
            _plainLooks = Math.Min(_plainLooks + 1, PlainLooks);
            return true;
        }

        _index.Drop();
        _isFollowing = false;
        _looked = End;
        _plainLooks = 0;
        return false;
    }

    /// <summary>Marks the values of a key that the marker looks into, while it is to tell of them.</summary>
    public void MarkValuesOf(nint key, Marker marker) => Steps += _index.MarkValues(key, marker);

    /// <summary>
    /// Clears the entries whose keys have died, and forgets all arrays. Marking is complete, and the gate is closed. Looking at an entry takes some
    /// nanoseconds; this and <see cref="MarkMore"/> are what weak dictionaries add to a pause.
    /// </summary>
    // Compiled with full optimization at once: what takes long in the first collection of a program is here, too.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void ClearDead(uint bitmap)
    {
        for (nint array = _last; array != End;)
        {
            WeakArray* header = WeakArray.At(array);
            WeakEntry* entries = WeakArray.Entries(array);
            for (long i = 0; i < header->Used; i++)
            {
                nint key = entries[i].Key;
                if (key != 0 && !TracedBits.IsSet(key, bitmap))
                {
                    entries[i].Key = 0;
                    entries[i].Value = 0;
                    header->Cleared++;
                }
            }

            array = header->NextReached;
            header->NextReached = 0;
        }

        Reset();
    }

    /// <summary>Forgets all arrays: marking is given up. The gate is closed.</summary>
    public void Forget()
    {
        for (nint array = _last; array != End;)
        {
            WeakArray* header = WeakArray.At(array);
            array = header->NextReached;
            header->NextReached = 0;
        }

        Reset();
    }

    // Looks at the arrays that were added since it last did.
    private bool LookAtNew(Marker marker, uint bitmap)
    {
        bool found = false;
        nint last = Volatile.Read(ref _last);
        _unmarked = 0;
        for (nint array = last; array != _looked; array = WeakArray.At(array)->NextReached)
        {
            found |= MarkValues(array, marker, bitmap);
        }

        _looked = last;
        return found;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private bool MarkValues(nint array, Marker marker, uint bitmap)
    {
        bool found = false;
        WeakEntry* entries = WeakArray.Entries(array);
        long used = Volatile.Read(ref WeakArray.At(array)->Used);
        Steps += used;
        for (WeakEntry* entry = entries; entry != entries + used; entry++)
        {
            // While threads go on, key and value may be of two entries that were in this place one after the other. Both are blocks, so at worst one
            // lives until the next collection.
            nint key = Volatile.Read(ref entry->Key);
            if (key == 0)
            {
                continue;
            }

            if (TracedBits.IsSet(key, bitmap))
            {
                nint value = Volatile.Read(ref entry->Value);
                if (value != 0 && !TracedBits.IsSet(value, bitmap))
                {
                    marker.Visit(value);
                    found = true;
                }

                continue;
            }

            _unmarked++;
            if (_isFollowing)
            {
                // One that is not added, for want of memory, is found when all are looked at once more.
                _index.TryAdd(entry, key);
            }
        }

        return found;
    }

    private void Reset()
    {
        _index.Drop();
        _last = End;
        _looked = End;
        _isFollowing = false;
        _unmarked = 0;
        _plainLooks = 0;
    }
}
