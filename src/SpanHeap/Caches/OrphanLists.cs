namespace SpanHeap.Caches;

/// <summary>
/// The caches of a heap's dead threads: those that have something for the thread that adopts them, the oldest first; those that have been
/// drained; and those that have given their memory back.
/// </summary>
/// <remarks>
/// Guarded by the lock of the <see cref="CacheRegistry"/>; counts are read without it. Undrained orphans are numbered as they come: those up
/// to the fenced one may be looked into without another process-wide fence.
/// </remarks>
internal unsafe struct OrphanLists
{
    // Drained orphans that stay as they are for the next threads.
    private const int KeptDrained = 16;

    private ThreadCache* _undrained;
    private ThreadCache* _lastUndrained;
    private ThreadCache* _drained;
    private ThreadCache* _givenBack;
    private int _count;
    private int _drainedCount;
    private int _givenBackCount;
    private long _lastFenced;

    /// <summary>All orphans.</summary>
    public readonly int Count => Volatile.Read(in _count);

    /// <summary>Those whose memory has been given back.</summary>
    public readonly int GivenBackCount => Volatile.Read(in _givenBackCount);

    /// <summary>Whether there are as many drained ones as are worth their memory.</summary>
    public readonly bool HasDrainedToSpare => Volatile.Read(in _drainedCount) >= KeptDrained;

    /// <summary>How many orphans have come so far: the number of the last.</summary>
    public long LastNumber { get; private set; }

    public readonly bool HasUndrained => _undrained != null;

    /// <summary>Whether the oldest undrained one may be looked into without a fence; so it is when there is none.</summary>
    public readonly bool IsFirstFenced => _undrained == null || _undrained->OrphanedAt <= _lastFenced;

    /// <summary>The same of all of them.</summary>
    public readonly bool AreAllFenced => _undrained == null || _lastUndrained->OrphanedAt <= _lastFenced;

    /// <summary>Takes note that a fence has run since the orphan of a number came.</summary>
    public void NoteFence(long number) => _lastFenced = Math.Max(_lastFenced, number);

    /// <summary>Adds the cache of a thread that has died.</summary>
    public void Add(ThreadCache* cache)
    {
        cache->OrphanedAt = ++LastNumber;
        cache->NextOrphan = null;
        if (_undrained == null)
        {
            _undrained = cache;
        }
        else
        {
            _lastUndrained->NextOrphan = cache;
        }

        _lastUndrained = cache;
        _count++;
    }

    /// <summary>Adds an orphan that has been drained, and may have given its memory back.</summary>
    public void AddDrained(ThreadCache* cache)
    {
        cache->OrphanedAt = 0;
        if (cache->IsGivenBack)
        {
            Push(ref _givenBack, ref _givenBackCount, cache);
        }
        else
        {
            Push(ref _drained, ref _drainedCount, cache);
        }

        _count++;
    }

    /// <summary>Takes the oldest undrained one; there must be one.</summary>
    public ThreadCache* TakeUndrained()
    {
        ThreadCache* cache = _undrained;
        _undrained = cache->NextOrphan;
        _count--;
        return cache;
    }

    /// <summary>Takes a drained one that has kept its memory; null when there is none.</summary>
    public ThreadCache* TryTakeDrained() => TryPop(ref _drained, ref _drainedCount);

    /// <summary>Takes one that has given its memory back, if the heap's limit has room for it; null when there is none.</summary>
    public ThreadCache* TryTakeGivenBack(CacheAccount account)
    {
        ThreadCache* cache = _givenBack != null && account.TryRestore() ? TryPop(ref _givenBack, ref _givenBackCount) : null;
        if (cache != null)
        {
            Volatile.Write(ref cache->IsGivenBack, false);
        }

        return cache;
    }

    /// <summary>Forgets all of them: the heap is gone.</summary>
    public void Clear() => this = default;

    private static void Push(ref ThreadCache* first, ref int count, ThreadCache* cache)
    {
        cache->NextOrphan = first;
        first = cache;
        count++;
    }

    private ThreadCache* TryPop(ref ThreadCache* first, ref int count)
    {
        ThreadCache* cache = first;
        if (cache != null)
        {
            first = cache->NextOrphan;
            count--;
            _count--;
        }

        return cache;
    }
}
