using System.Runtime.InteropServices;
using SpanHeap.Os;
using SpanHeap.Spans;

namespace SpanHeap.Caches;

/// <summary>
/// The thread caches of the process that belong to no heap. They are never freed: a thread may hold the address of a cache of a heap that is gone,
/// and finds a serial number there that is not its heap's.
/// </summary>
internal static unsafe class ThreadCachePool
{
    // Indexed by number, because a page entry names its owner by number. Written once for each cache, before any entry contains its number.
    private static readonly nint* s_byNumber = (nint*)NativeMemory.AllocZeroed(PageEntry.LastOwner + 1, (nuint)sizeof(nint));

    private static NativeLock s_lock;

    // A program with a heap for each request creates and drops a few caches at a time. Caches beyond this number give their memory back.
    private const int KeptWarm = 16;

    // The number of caches that come in one piece of memory, so that each can begin on a system page.
    private const int CachesPerSlab = 8;

    // Guarded by the lock. Last in, first out, so that the caches of one heap have adjacent numbers (see ThreadCache.Outbox).
    private static IntrusiveList<ThreadCache> s_free;

    // Guarded by the lock: those of them that have their memory, in no particular order.
    private static readonly nint* s_warm = (nint*)NativeMemory.Alloc(KeptWarm, (nuint)sizeof(nint));
    private static int s_warmCount;

    // Guarded by the lock: the caches of the last slab that have never been used.
    private static nint s_slabNext;
    private static nint s_slabEnd;
    private static int s_slabs;

    // The last number given to a cache. A cache keeps its number, so no number ever names two.
    private static uint s_lastOwner = PageEntry.FirstOwner - 1;

    /// <summary>The number of slabs obtained from the system so far.</summary>
    public static int Slabs => Volatile.Read(ref s_slabs);

    /// <summary>The number of caches that belong to no heap and have their memory.</summary>
    public static int WarmCount => Volatile.Read(ref s_warmCount);

    // Whole pages, so that a page that one cache gives back contains no part of another.
    public static nuint Stride => (ThreadCache.Size + OsMemory.PageSize - 1) & ~(OsMemory.PageSize - 1);

    /// <summary>
    /// Takes a cache for a heap, with closed stacks and empty bins. Returns null when there is no memory, or no number, for one.
    /// </summary>
    /// <param name="os">The system.</param>
    /// <param name="heapSerial">The serial number of the heap.</param>
    /// <param name="rank">The rank of the cache's lock.</param>
    public static ThreadCache* TryTake(OsMemory os, ulong heapSerial, LockRank rank = LockRank.ThreadCache)
    {
        s_lock.Enter();
        ThreadCache* cache = s_free.First;
        if (cache != null)
        {
            RemoveLocked(cache);
            ForgetWarm(cache);
        }

        s_lock.Exit();
        if (cache == null && (cache = TryCreate(os)) == null)
        {
            return null;
        }

        cache->Lock.SetRank(rank);
        Volatile.Write(ref cache->Owner.HeapSerial, heapSerial);
        return cache;
    }

    /// <summary>
    /// Gets the cache that an entry of blocks names. Caches are never freed and keep their numbers, so the answer is valid forever.
    /// </summary>
    public static ThreadCache* ByEntry(uint entry) => (ThreadCache*)s_byNumber[entry >> PageEntry.OwnerShift];

    /// <summary>Takes back the cache of a heap that is gone.</summary>
    public static void Give(ThreadCache* cache, OsMemory os)
    {
        Invariant.Assert(!ThreadCache.IsOwned(cache), "The incarnation of a cache that goes has ended.");
        bool isWarm = WarmCount < KeptWarm;
        CacheMemory.Reset(cache, isWarm ? null : os);
        s_lock.Enter();
        s_free.AddFirst(cache);
        if (isWarm && s_warmCount < KeptWarm)
        {
            s_warm[s_warmCount++] = (nint)cache;
        }

        s_lock.Exit();
    }

    /// <summary>
    /// Makes all caches that belong to no heap give their memory back, after a heap has asked the system for memory in vain. Call without a lock.
    /// </summary>
    public static void GiveBackAll(OsMemory os)
    {
        LockOrder.AssertNoneHeld();
        for (int i = 0; i < KeptWarm; i++)
        {
            s_lock.Enter();
            ThreadCache* cache = s_warmCount == 0 ? null : (ThreadCache*)s_warm[--s_warmCount];
            if (cache != null)
            {
                RemoveLocked(cache);
            }

            s_lock.Exit();
            if (cache == null)
            {
                return;
            }

            CacheMemory.Reset(cache, os);
            s_lock.Enter();
            s_free.AddLast(cache);
            s_lock.Exit();
        }
    }

    private static void RemoveLocked(ThreadCache* cache)
    {
        s_lock.AssertHeld();
        s_free.Remove(cache);
    }

    private static void ForgetWarm(ThreadCache* cache)
    {
        s_lock.AssertHeld();
        for (int i = 0; i < s_warmCount; i++)
        {
            if (s_warm[i] == (nint)cache)
            {
                s_warm[i] = s_warm[--s_warmCount];
                return;
            }
        }
    }

    private static ThreadCache* TryCreate(OsMemory os)
    {
        ThreadCache* cache = TryCut();
        while (cache == null)
        {
            bool added = TryAddSlab(os);
            InterleavingPoints.AtIf(added, InterleavingPoint.SlabAdded);

            // Others may have used the slab up. And where the system refused, another thread may have added a slab of which this one can have a cache.
            cache = TryCut();
            if (cache == null && !added)
            {
                return null;
            }
        }

        uint owner = Interlocked.Increment(ref s_lastOwner);
        if (owner > PageEntry.LastOwner)
        {
            // Otherwise the numbers would wrap around some day. The memory is lost, once: there is never another cache.
            Interlocked.Decrement(ref s_lastOwner);
            return null;
        }

        cache->Owner.Tag = owner << PageEntry.OwnerShift;
        Volatile.Write(ref s_byNumber[owner], (nint)cache);
        return cache;
    }

    private static ThreadCache* TryCut()
    {
        s_lock.Enter();
        nint cache = s_slabNext;
        bool any = cache != s_slabEnd && s_lastOwner < PageEntry.LastOwner;
        s_slabNext += any ? (nint)Stride : 0;
        s_lock.Exit();
        return any ? (ThreadCache*)cache : null;
    }

    // Outside the lock, because the system may take its time. If two threads add a slab at once, the second gives its slab back. False when there is
    // no memory, or no number, for another cache.
    private static bool TryAddSlab(OsMemory os)
    {
        if (Volatile.Read(ref s_lastOwner) >= PageEntry.LastOwner)
        {
            return false;
        }

        nuint bytes = CachesPerSlab * Stride;
        void* block = os.Allocate(OsCall.AllocateMetadata, bytes + OsMemory.PageSize, zeroed: false);
        if (block == null)
        {
            return false;
        }

        // Zero, as closed stacks and empty bins are, and not resident before it is used, under any malloc.
        nint first = (nint)(((nuint)block + OsMemory.PageSize - 1) & ~(OsMemory.PageSize - 1));
        if (!os.Discard(first, bytes) || !OsMemory.DiscardedPagesAreZero)
        {
            NativeMemory.Clear((void*)first, bytes);
        }

        s_lock.Enter();
        bool isFirst = s_slabNext == s_slabEnd;
        if (isFirst)
        {
            s_slabNext = first;
            s_slabEnd = first + (nint)bytes;
            s_slabs++;
        }

        s_lock.Exit();
        if (!isFirst)
        {
            os.Free(block);
        }

        return true;
    }
}
