using SpanHeap.Os;

namespace SpanHeap.Caches;

/// <summary>
/// The caches of a heap's dead threads, in three lists: those that have something for the thread that adopts them, the oldest first; those that have
/// been drained; and those that have given their memory back.
/// </summary>
/// <remarks>
/// Guarded by the lock of the registry; counts are read without it. Undrained orphans are numbered as they arrive. Those up to the fenced number may
/// be looked into without another process-wide fence.
/// </remarks>
internal unsafe struct OrphanLists
{
    // The number of drained orphans that stay as they are for future threads.
    private const int KeptDrained = 16;

    private IntrusiveList<ThreadCache> _undrained;
    private IntrusiveList<ThreadCache> _drained;
    private IntrusiveList<ThreadCache> _givenBack;
    private int _count;
    private int _drainedCount;
    private int _givenBackCount;
    private long _lastFenced;

    /// <summary>The number of all orphans.</summary>
    public readonly int Count => Volatile.Read(in _count);

    /// <summary>The number of orphans whose memory has been given back.</summary>
    public readonly int GivenBackCount => Volatile.Read(in _givenBackCount);

    /// <summary>By how many the drained orphans with memory exceed the number worth keeping; negative when there are fewer.</summary>
    public readonly int SpareDrained => Volatile.Read(in _drainedCount) - KeptDrained;

    /// <summary>The number of orphans that have arrived so far, which is the number of the last.</summary>
    public long LastNumber { get; private set; }

    public readonly bool HasUndrained => _undrained.First != null;

    /// <summary>Whether the oldest undrained orphan may be looked into without a fence. True when there is none.</summary>
    public readonly bool IsFirstFenced => _undrained.First == null || _undrained.First->OrphanedAt <= _lastFenced;

    /// <summary>Whether all undrained orphans may be looked into without a fence.</summary>
    public readonly bool AreAllFenced => _undrained.First == null || _undrained.Last->OrphanedAt <= _lastFenced;

    /// <summary>Notes that a fence has run since the orphan with a given number arrived.</summary>
    public void NoteFence(long number) => _lastFenced = Math.Max(_lastFenced, number);

    /// <summary>Adds the cache of a thread that has died.</summary>
    public void Add(ThreadCache* cache)
    {
        Invariant.Assert(!ThreadCache.IsOwned(cache), "No thread owns an orphan.");
        cache->OrphanedAt = ++LastNumber;
        _undrained.AddLast(cache);
        _count++;
    }

    /// <summary>Adds an orphan that has been drained and may have given its memory back.</summary>
    public void AddDrained(ThreadCache* cache)
    {
        Invariant.Assert(!ThreadCache.IsOwned(cache), "No thread owns an orphan.");
        cache->OrphanedAt = 0;
        if (cache->IsGivenBack)
        {
            _givenBack.AddFirst(cache);
            _givenBackCount++;
        }
        else
        {
            _drained.AddFirst(cache);
            _drainedCount++;
        }

        _count++;
    }

    /// <summary>Takes the oldest undrained orphan; there must be one.</summary>
    public ThreadCache* TakeUndrained()
    {
        Invariant.Assert(HasUndrained, "There is an orphan that has not been drained.");
        ThreadCache* cache = _undrained.First;
        _undrained.Remove(cache);
        _count--;
        return cache;
    }

    /// <summary>Takes the latest drained orphan that has kept its memory; null when there is none.</summary>
    public ThreadCache* TryTakeDrained()
    {
        ThreadCache* cache = _drained.First;
        if (cache != null)
        {
            RemoveDrained(cache);
        }

        return cache;
    }

    /// <summary>Takes a cache of the heap if it is a drained orphan that has kept its memory.</summary>
    public bool TryTakeDrained(ThreadCache* cache)
    {
        // These fields decide in which list an orphan is, if it is in one.
        bool taken = cache->OrphanedAt == 0 && !cache->IsGivenBack && _drained.Contains(cache);
        if (taken)
        {
            RemoveDrained(cache);
        }

        return taken;
    }

    /// <summary>Takes an orphan that has given its memory back, if the heap's limit has room for it; null when there is none.</summary>
    public ThreadCache* TryTakeGivenBack(CacheCharge account)
    {
        ThreadCache* cache = _givenBack.First;
        if (cache == null || !account.TryRestore())
        {
            return null;
        }

        _givenBack.Remove(cache);
        _givenBackCount--;
        _count--;
        Volatile.Write(ref cache->IsGivenBack, false);
        return cache;
    }

    /// <summary>Forgets all orphans, because the heap is gone.</summary>
    public void Clear() => this = default;

    private void RemoveDrained(ThreadCache* cache)
    {
        _drained.Remove(cache);
        _drainedCount--;
        _count--;
    }
}
