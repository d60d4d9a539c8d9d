using SpanHeap.Caches;

namespace SpanHeap.Threads;

/// <summary>The caches of a heap in the order in which they came, each with its thread. Caches never leave a heap.</summary>
/// <remarks>
/// Guarded by the lock of the registry, except for <see cref="Count"/> and <see cref="TryMakeLarger"/>. The array is replaced by a larger one, which is
/// allocated outside the lock.
/// </remarks>
internal unsafe struct CacheTable
{
    private const int FirstCapacity = 8;

    private Entry[] _entries = new Entry[FirstCapacity];
    private int _count;

    public CacheTable()
    {
    }

    /// <summary>The number of caches. May be read without the lock, and is then possibly out of date.</summary>
    public readonly int Count => Volatile.Read(in _count);

    public readonly ThreadCache* this[int index] => (ThreadCache*)_entries[index].Cache;

    /// <summary>The thread of a cache; <see cref="ThreadIdentity.None"/> when none has it.</summary>
    public readonly ref ThreadIdentity ThreadOf(int index) => ref _entries[index].Thread;

    /// <summary>Allocates a larger array if there is no room for one more cache. Call without the lock.</summary>
    /// <param name="larger">The array, for <see cref="TryAdd"/>; null when there is room.</param>
    /// <returns>False when there is no managed memory.</returns>
    public readonly bool TryMakeLarger(out Entry[]? larger)
    {
        larger = null;
        Entry[] entries = Volatile.Read(in _entries);
        if (Count < entries.Length)
        {
            return true;
        }

        try
        {
            larger = new Entry[2 * entries.Length];
            return true;
        }
        catch (OutOfMemoryException)
        {
            return false;
        }
    }

    /// <summary>Adds a cache at the end.</summary>
    /// <param name="cache">The cache, which gets its index.</param>
    /// <param name="larger">A larger array, used if no other thread has enlarged the table meanwhile; or null.</param>
    /// <returns>False when there is no room: another thread was faster.</returns>
    public bool TryAdd(ThreadCache* cache, Entry[]? larger)
    {
        if (larger != null && larger.Length > _entries.Length)
        {
            Array.Copy(_entries, larger, _count);
            Volatile.Write(ref _entries, larger);
        }

        if (_count == _entries.Length)
        {
            return false;
        }

        cache->Index = _count;
        _entries[_count].Cache = (nint)cache;
        Volatile.Write(ref _count, _count + 1);
        return true;
    }

    /// <summary>Forgets all caches and their threads, because the heap is gone.</summary>
    /// <param name="count">The number of caches that there were.</param>
    /// <returns>The array that still holds them. No cache is added any more.</returns>
    public Entry[] Clear(out int count)
    {
        count = _count;
        _count = 0;
        for (int i = 0; i < count; i++)
        {
            _entries[i].Thread = ThreadIdentity.None;
        }

        return _entries;
    }

    internal struct Entry
    {
        public nint Cache;
        public ThreadIdentity Thread;
    }
}
