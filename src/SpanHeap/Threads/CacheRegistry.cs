using SpanHeap.Caches;
using SpanHeap.Os;
using SpanHeap.Spans;

namespace SpanHeap.Threads;

/// <summary>
/// The caches of a heap and their threads. No code runs on a .NET thread that ends, so a dead thread's cache is found by asking
/// <see cref="ThreadIdentity.IsDead"/>: threads that attach ask about a few others, maintenance and each garbage collection ask about all. The cache
/// becomes an orphan by one compare-exchange, so that only one of several askers hands it over, and the next thread adopts it whole.
/// </summary>
/// <remarks>Thread safe by a lock of its own. Only the lock of a thread's record comes before it in the lock order.</remarks>
internal sealed unsafe class CacheRegistry(OsMemory os, ulong heapSerial, bool isLimited, ParkingBudget budget, HeapLimit? limit = null)
{
    // The number of threads that an attaching thread asks about: enough to keep up with threads that come and go.
    private const int PolledPerAttach = 16;

    // Up to this number, threads are not worth a managed object each (see ThreadIdentity), unless the heap has a limit: what they keep is little.
    private const int UnwatchedThreads = 16;

    private readonly CacheCharge _account = new(limit);
    private NativeLock _lock = new(LockRank.CacheRegistry);

    // All guarded by the lock.
    private CacheTable _table = new();
    private int _pollTurn;
    private OrphanLists _orphans;

    // Interlocked.
    private long _fences;

    private long _adopted;

    public int Count => _table.Count;

    public int OrphanCount => _orphans.Count;

    /// <summary>The number of caches whose threads are alive or not yet found dead. No thread owns the central cache.</summary>
    public int OwnedCount => Count - OrphanCount - 1;

    /// <summary>The number of process-wide fences so far. Each precedes reading the stacks of dead threads.</summary>
    public long Fences => Volatile.Read(ref _fences);

    /// <summary>How many times a cache passed from a dead thread to a new one.</summary>
    public long Adopted => Volatile.Read(ref _adopted);

    /// <summary>The number of caches whose memory has been given back.</summary>
    public int GivenBackCount => _orphans.GivenBackCount;

    public ThreadCache* this[int index]
    {
        get
        {
            _lock.Enter();
            ThreadCache* cache = _table[index];
            _lock.Exit();
            return cache;
        }
    }

    /// <summary>Takes a cache for the calling thread. Returns null when there is no memory for one.</summary>
    public ThreadCache* TryAttach()
    {
        // Managed memory first, because a cache that has been taken must not be lost for lack of it.
        if (!TryIdentify(out ThreadIdentity current))
        {
            return null;
        }

        ThreadCache* cache = TryAdopt(current);
        if (cache == null)
        {
            Poll(PolledPerAttach);
            cache = TryAdopt(current);
        }

        if (cache == null && (cache = TryCreate(owned: true)) != null)
        {
            Own(cache, current);
        }

        return cache;
    }

    /// <summary>Creates a cache without a thread, in the registry like all others.</summary>
    public ThreadCache* TryCreateCentral()
    {
        ThreadCache* central = TryCreate(owned: false);
        if (central != null)
        {
            central->IsDraining = true;
        }

        return central;
    }

    /// <summary>Makes a cache an orphan if it is still in the given incarnation.</summary>
    public bool TryOrphan(ThreadCache* cache, long incarnation)
    {
        // Under the lock, because Dispose ends all incarnations under it: a thread that asked before and comes later must find that.
        _lock.Enter();
        bool orphaned = TryOrphanLocked(cache, incarnation);
        _lock.Exit();
        return orphaned;
    }

    /// <summary>Asks about some threads, in turn, whether they live.</summary>
    /// <param name="howMany">The maximum number of threads.</param>
    public void Poll(int howMany)
    {
        for (int i = Math.Min(howMany, Count); i > 0; i--)
        {
            _lock.Enter();
            if (Count == 0)
            {
                _lock.Exit();
                return;
            }

            _pollTurn = (_pollTurn + 1) % Count;
            PollLockedAndExit(_pollTurn);
        }
    }

    /// <summary>Asks whether the thread of one cache lives.</summary>
    public void Poll(ThreadCache* cache)
    {
        _lock.Enter();
        PollLockedAndExit(cache->Index);
    }

    /// <summary>
    /// Takes a cache so that the blocks on its thread's stacks can be taken. The cache stays the thread's, and is not orphaned before
    /// <see cref="EndReclaim"/>. Returns null for a cache that no thread owns or that another thread has taken.
    /// </summary>
    public ThreadCache* BeginReclaim(int index, out ThreadIdentity thread)
    {
        _lock.Enter();
        ThreadCache* cache = index < Count ? _table[index] : null;
        bool begun = cache != null && ThreadCache.IsOwned(cache) && !cache->IsReclaimed && _table.ThreadOf(index).IsWatched;
        thread = begun ? _table.ThreadOf(index) : ThreadIdentity.None;
        if (begun)
        {
            cache->IsReclaimed = true;
        }

        _lock.Exit();
        return begun ? cache : null;
    }

    public void EndReclaim(ThreadCache* cache)
    {
        _lock.Enter();
        Invariant.Assert(cache->IsReclaimed, "What ends was begun.");
        cache->IsReclaimed = false;
        _lock.Exit();
    }

    /// <summary>
    /// Takes an orphan, if possible one that has not been drained. No thread adopts it before <see cref="ReturnOrphan"/>. Returns null when there is
    /// none.
    /// </summary>
    public ThreadCache* TakeOrphan()
    {
        _lock.Enter();
        bool fenced = _orphans.IsFirstFenced;
        ThreadCache* cache = _orphans.HasUndrained ? _orphans.TakeUndrained() : _orphans.TryTakeDrained();
        cache = cache != null ? cache : _orphans.TryTakeGivenBack(_account);
        TellBudgetLocked();
        _lock.Exit();
        if (!fenced)
        {
            Fence();
        }

        InterleavingPoints.AtIf(cache != null, InterleavingPoint.OrphanTaken);
        return cache;
    }

    /// <summary>Runs one process-wide fence for all present orphans, so that <see cref="TakeUndrained"/> needs none.</summary>
    public void FenceOrphans()
    {
        _lock.Enter();
        long last = _orphans.LastNumber;
        bool fenced = _orphans.AreAllFenced;
        _lock.Exit();
        if (fenced)
        {
            return;
        }

        Fence();
        _lock.Enter();
        _orphans.NoteFence(last);
        _lock.Exit();
    }

    /// <summary>Takes an orphan for draining that the last <see cref="FenceOrphans"/> has seen. Returns null when there is none.</summary>
    public ThreadCache* TakeUndrained()
    {
        _lock.Enter();
        ThreadCache* cache = _orphans.HasUndrained && _orphans.IsFirstFenced ? _orphans.TakeUndrained() : null;
        TellBudgetLocked();
        _lock.Exit();
        InterleavingPoints.AtIf(cache != null, InterleavingPoint.OrphanTaken);
        return cache;
    }

    /// <summary>
    /// Takes a cache if it is an orphan that has been drained and has kept its memory. No thread adopts it before <see cref="ReturnOrphan"/>.
    /// </summary>
    public bool TryTakeDrained(ThreadCache* cache)
    {
        _lock.Enter();
        bool taken = _orphans.TryTakeDrained(cache);
        _lock.Exit();
        InterleavingPoints.AtIf(taken, InterleavingPoint.OrphanTaken);
        return taken;
    }

    /// <summary>Puts an orphan back as drained. It comes after the others, which have something for the thread that adopts them.</summary>
    public void ReturnOrphan(ThreadCache* cache)
    {
        InterleavingPoints.At(InterleavingPoint.OrphanDrained);
        _lock.Enter();
        _orphans.AddDrained(cache);
        if (cache->IsGivenBack)
        {
            _account.NoteGivenBack();
        }

        TellBudgetLocked();
        _lock.Exit();
    }

    /// <summary>By how many the drained orphans exceed the number that is worth their memory to new threads, which adopt these first.</summary>
    public int SpareDrained => _orphans.SpareDrained;

    /// <summary>Gives all caches to the process, because the heap is gone.</summary>
    public void Dispose()
    {
        _lock.Enter();
        CacheTable.Entry[] entries = _table.Clear(out int count);
        _orphans.Clear();
        for (int i = 0; i < count; i++)
        {
            EndIncarnation((ThreadCache*)entries[i].Cache);
        }

        _lock.Exit();
        for (int i = 0; i < count; i++)
        {
            ThreadCache* cache = (ThreadCache*)entries[i].Cache;
            os.Free(cache->LargeOutbox);
            ThreadCachePool.Give(cache, os);
        }
    }

    // Called each time the number of threads may have changed.
    private void TellBudgetLocked()
    {
        _lock.AssertHeld();
        budget.Threads = OwnedCount;
    }

    // The thread is asked without the lock, because the answer may take a system call.
    private void PollLockedAndExit(int index)
    {
        _lock.AssertHeld();
        ThreadCache* cache = _table[index];
        ThreadIdentity thread = _table.ThreadOf(index);
        long incarnation = Volatile.Read(ref cache->Ownership);
        _lock.Exit();
        if (thread.IsDead)
        {
            InterleavingPoints.At(InterleavingPoint.ThreadFoundDead);
            TryOrphan(cache, incarnation);
        }
    }

    private bool TryOrphanLocked(ThreadCache* cache, long incarnation)
    {
        _lock.AssertHeld();
        bool orphaned = (incarnation & 1) != 0 && !cache->IsReclaimed
            && Interlocked.CompareExchange(ref cache->Ownership, incarnation & ~1L, incarnation) == incarnation;
        if (orphaned)
        {
            _table.ThreadOf(cache->Index) = ThreadIdentity.None;
            _orphans.Add(cache);
            TellBudgetLocked();
        }

        return orphaned;
    }

    // What dead threads wrote last must be visible to those that read their stacks now.
    private void Fence()
    {
        LockOrder.AssertNoneHeld();
        Interlocked.MemoryBarrierProcessWide();
        Interlocked.Increment(ref _fences);
    }

    private bool TryIdentify(out ThreadIdentity current)
    {
        try
        {
            current = ThreadIdentity.OfCurrent(watched: isLimited || OwnedCount >= UnwatchedThreads);
            return true;
        }
        catch (OutOfMemoryException)
        {
            current = ThreadIdentity.None;
            return false;
        }
    }

    private ThreadCache* TryAdopt(in ThreadIdentity current)
    {
        ThreadCache* cache = TakeOrphan();
        if (cache != null)
        {
            Own(cache, current);
            Interlocked.Increment(ref _adopted);
        }

        return cache;
    }

    private ThreadCache* TryCreate(bool owned)
    {
        if (!owned)
        {
            _account.AddCentral();
        }
        else if (!_account.TryAdd())
        {
            return null;
        }

        ThreadCache* cache = ThreadCachePool.TryTake(os, heapSerial, owned ? LockRank.ThreadCache : LockRank.CentralCache);
        if (cache != null && TryPlace(cache))
        {
            InterleavingPoints.At(InterleavingPoint.CacheAdded);
            return cache;
        }

        if (cache != null)
        {
            EndIncarnation(cache);
            ThreadCachePool.Give(cache, os);
        }

        _account.Remove();
        return null;
    }

    // False when there is no managed memory for larger arrays.
    private bool TryPlace(ThreadCache* cache)
    {
        while (_table.TryMakeLarger(out CacheTable.Entry[]? larger))
        {
            _lock.Enter();
            bool added = _table.TryAdd(cache, larger);
            if (added)
            {
                TellBudgetLocked();
            }

            _lock.Exit();
            if (added)
            {
                return true;
            }
        }

        return false;
    }

    // To a number that belongs to no owner, past or present.
    private static void EndIncarnation(ThreadCache* cache)
    {
        long ownership = Volatile.Read(ref cache->Ownership);
        Volatile.Write(ref cache->Ownership, (ownership | 1) + 1);
    }

    // A cache that no thread owns and that is in no list becomes the calling thread's.
    private void Own(ThreadCache* cache, in ThreadIdentity current)
    {
        Invariant.Assert(!ThreadCache.IsOwned(cache), "No two threads own a cache.");
        if (cache->Traced != null)
        {
            Volatile.Write(ref *(nint*)&cache->FormerTraced, (nint)cache->Traced);
            Volatile.Write(ref *(nint*)&cache->Traced, 0);
        }

        Volatile.Write(ref cache->Ownership, (cache->Ownership | 1) + 2);
        _lock.Enter();
        _table.ThreadOf(cache->Index) = current;
        _lock.Exit();
        InterleavingPoints.At(InterleavingPoint.CacheOwned);
    }
}
