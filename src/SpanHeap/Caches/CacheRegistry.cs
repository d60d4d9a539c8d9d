using SpanHeap.Os;
using SpanHeap.Spans;

namespace SpanHeap.Caches;

/// <summary>
/// A heap's caches and their threads. No code runs on a .NET thread that ends, so a dead thread's cache is found by asking
/// <see cref="ThreadIdentity.IsDead"/>: threads that attach ask a few others, maintenance and each garbage collection ask all. The cache becomes
/// an orphan by one compare-exchange, so that of several who ask only one hands it over, and the next thread adopts it whole.
/// </summary>
/// <remarks>Thread safe by a lock of its own, the first in the order.</remarks>
internal sealed unsafe class CacheRegistry(OsMemory os, ulong heapSerial, bool isLimited, ArenaSource? arenas = null)
{
    // How many threads an attaching one asks whether they live: enough to keep up with threads that come and go.
    private const int PolledPerAttach = 16;

    // So many threads are not worth a managed object each (see ThreadIdentity), unless the heap has a limit: what they keep is little.
    private const int UnwatchedThreads = 16;

    private readonly CacheAccount _account = new(arenas);
    private NativeLock _lock;

    // All guarded by the lock; arrays are replaced by larger ones, made outside it.
    private nint[] _caches = new nint[8];
    private ThreadIdentity[] _threads = new ThreadIdentity[8];
    private int _count;
    private int _pollTurn;
    private OrphanLists _orphans;

    // Interlocked.
    private long _fences;

    // Orphans that have spans with free slots again, linked by NextNoted: pushed by compare-exchange by anybody, taken all at once.
    private nint _noted;
    private long _adopted;

    public int Count => Volatile.Read(ref _count);

    public int OrphanCount => _orphans.Count;

    /// <summary>Caches of threads, living or not yet found dead; the central cache is nobody's.</summary>
    public int OwnedCount => Count - OrphanCount - 1;

    /// <summary>Process-wide fences so far, before the stacks of dead threads were read.</summary>
    public long Fences => Volatile.Read(ref _fences);

    /// <summary>How often a cache went from a dead thread to a new one.</summary>
    public long Adopted => Volatile.Read(ref _adopted);

    /// <summary>Caches whose memory has been given back.</summary>
    public int GivenBackCount => _orphans.GivenBackCount;

    public ThreadCache* this[int index]
    {
        get
        {
            _lock.Enter();
            ThreadCache* cache = (ThreadCache*)_caches[index];
            _lock.Exit();
            return cache;
        }
    }

    /// <summary>A cache for the calling thread; null when there is no memory for one.</summary>
    public ThreadCache* TryAttach()
    {
        // Managed memory first: a cache that has been taken must not be lost for want of it.
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

    /// <summary>A cache without a thread, in the registry like all others.</summary>
    public ThreadCache* TryCreateCentral()
    {
        ThreadCache* central = TryCreate(owned: false);
        if (central != null)
        {
            central->IsDraining = true;
        }

        return central;
    }

    /// <summary>Makes a cache an orphan if it still is in the incarnation given.</summary>
    public bool TryOrphan(ThreadCache* cache, long incarnation)
    {
        // Under the lock, because Dispose ends all incarnations under it: who asked before and comes later must find that.
        _lock.Enter();
        bool orphaned = TryOrphanLocked(cache, incarnation);
        _lock.Exit();
        return orphaned;
    }

    /// <summary>Asks some threads, in turn, whether they live.</summary>
    /// <param name="howMany">How many at most.</param>
    public void Poll(int howMany)
    {
        for (int i = Math.Min(howMany, Count); i > 0; i--)
        {
            _lock.Enter();
            if (_count == 0)
            {
                _lock.Exit();
                return;
            }

            _pollTurn = (_pollTurn + 1) % _count;
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
    /// Takes a cache so that what lies on its thread's stacks can be taken: it stays the thread's, and is not orphaned before
    /// <see cref="EndReclaim"/>. Null for a cache that no thread owns, or that another has taken.
    /// </summary>
    public ThreadCache* BeginReclaim(int index, out ThreadIdentity thread)
    {
        _lock.Enter();
        ThreadCache* cache = index < _count ? (ThreadCache*)_caches[index] : null;
        bool begun = cache != null && ThreadCache.IsOwned(cache) && !cache->IsReclaimed && _threads[index].IsWatched;
        thread = begun ? _threads[index] : ThreadIdentity.None;
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
        cache->IsReclaimed = false;
        _lock.Exit();
    }

    /// <summary>Takes an orphan, if possible one that has not been drained: nobody adopts it before <see cref="ReturnOrphan"/>. Null when there is none.</summary>
    public ThreadCache* TakeOrphan()
    {
        _lock.Enter();
        bool fenced = _orphans.IsFirstFenced;
        ThreadCache* cache = _orphans.HasUndrained ? _orphans.TakeUndrained() : _orphans.TryTakeDrained();
        cache = cache != null ? cache : _orphans.TryTakeGivenBack(_account);
        _lock.Exit();
        if (!fenced)
        {
            Fence();
        }

        InterleavingPoints.AtIf(cache != null, InterleavingPoint.OrphanTaken);
        return cache;
    }

    /// <summary>Runs one process-wide fence for all orphans there are, so that <see cref="TakeUndrained"/> needs none.</summary>
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

    /// <summary>Takes an orphan for draining, of those that the last <see cref="FenceOrphans"/> has seen. Null when there is none.</summary>
    public ThreadCache* TakeUndrained()
    {
        _lock.Enter();
        ThreadCache* cache = _orphans.HasUndrained && _orphans.IsFirstFenced ? _orphans.TakeUndrained() : null;
        _lock.Exit();
        InterleavingPoints.AtIf(cache != null, InterleavingPoint.OrphanTaken);
        return cache;
    }

    /// <summary>Puts an orphan back, drained: after the others, which have something for who adopts them.</summary>
    public void ReturnOrphan(ThreadCache* cache)
    {
        InterleavingPoints.At(InterleavingPoint.OrphanDrained);
        _lock.Enter();
        _orphans.AddDrained(cache);
        if (cache->IsGivenBack)
        {
            _account.NoteGivenBack();
        }

        _lock.Exit();
    }

    /// <summary>Whether there are as many drained orphans as are worth their memory: threads that come adopt these first.</summary>
    public bool HasDrainedToSpare => _orphans.HasDrainedToSpare;

    /// <summary>Notes that a cache which no thread owns has a span with free slots. The caller holds the cache's lock.</summary>
    public void NoteSpans(ThreadCache* cache)
    {
        if (cache->IsDraining || Volatile.Read(ref cache->IsNoted))
        {
            return;
        }

        Volatile.Write(ref cache->IsNoted, true);
        nint first;
        do
        {
            first = Volatile.Read(ref _noted);
            cache->NextNoted = (ThreadCache*)first;
        }
        while (Interlocked.CompareExchange(ref _noted, (nint)cache, first) != first);
    }

    /// <summary>Takes all caches that <see cref="NoteSpans"/> has noted, linked by <see cref="ThreadCache.NextNoted"/>. Some may be a thread's again.</summary>
    public ThreadCache* TakeNoted() => (ThreadCache*)Interlocked.Exchange(ref _noted, 0);

    /// <summary>Gives all caches to the process: the heap is gone.</summary>
    public void Dispose()
    {
        _lock.Enter();
        nint[] caches = _caches;
        int count = _count;
        _count = 0;
        _orphans.Clear();
        _noted = 0;
        for (int i = 0; i < count; i++)
        {
            _threads[i] = ThreadIdentity.None;
            EndIncarnation((ThreadCache*)caches[i]);
        }

        _lock.Exit();
        for (int i = 0; i < count; i++)
        {
            os.Free(((ThreadCache*)caches[i])->LargeOutbox);
            ThreadCachePool.Give((ThreadCache*)caches[i], os);
        }
    }

    // The thread is asked without the lock, because the system may have to tell.
    private void PollLockedAndExit(int index)
    {
        ThreadCache* cache = (ThreadCache*)_caches[index];
        ThreadIdentity thread = _threads[index];
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
        bool orphaned = (incarnation & 1) != 0 && !cache->IsReclaimed
            && Interlocked.CompareExchange(ref cache->Ownership, incarnation & ~1L, incarnation) == incarnation;
        if (orphaned)
        {
            _threads[cache->Index] = ThreadIdentity.None;
            _orphans.Add(cache);
        }

        return orphaned;
    }

    // What dead threads wrote last must be seen by those who read their stacks now.
    private void Fence()
    {
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

        ThreadCache* cache = ThreadCachePool.TryTake(os, heapSerial);
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
        while (true)
        {
            nint[] caches = _caches;
            nint[]? larger = null;
            ThreadIdentity[]? largerThreads = null;
            if (Count == caches.Length)
            {
                try
                {
                    larger = new nint[2 * caches.Length];
                    largerThreads = new ThreadIdentity[larger.Length];
                }
                catch (OutOfMemoryException)
                {
                    return false;
                }
            }

            _lock.Enter();
            if (larger != null && caches == _caches)
            {
                Array.Copy(_caches, larger, _count);
                Array.Copy(_threads, largerThreads!, _count);
                _caches = larger;
                _threads = largerThreads!;
            }

            bool room = _count < _caches.Length;
            if (room)
            {
                cache->Index = _count;
                _caches[_count] = (nint)cache;
                Volatile.Write(ref _count, _count + 1);
            }

            _lock.Exit();
            if (room)
            {
                return true;
            }
        }
    }

    // To a number that is nobody's, and no former owner's either.
    private static void EndIncarnation(ThreadCache* cache)
    {
        long ownership = Volatile.Read(ref cache->Ownership);
        Volatile.Write(ref cache->Ownership, (ownership | 1) + 1);
    }

    // A cache that nobody owns and no list names becomes the calling thread's.
    private void Own(ThreadCache* cache, in ThreadIdentity current)
    {
        if (cache->Traced != 0)
        {
            Volatile.Write(ref cache->FormerTraced, cache->Traced);
            Volatile.Write(ref cache->Traced, 0);
        }

        Volatile.Write(ref cache->Ownership, (cache->Ownership | 1) + 2);
        _lock.Enter();
        _threads[cache->Index] = current;
        _lock.Exit();
        InterleavingPoints.At(InterleavingPoint.CacheOwned);
    }
}
