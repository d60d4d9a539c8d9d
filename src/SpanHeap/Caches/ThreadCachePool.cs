using System.Runtime.InteropServices;
using SpanHeap.Os;
using SpanHeap.Spans;

namespace SpanHeap.Caches;

/// <summary>
/// The process's thread caches that belong to no heap. They are never freed: a thread may hold the address of a cache of a heap that
/// is gone, and finds there a serial number that is not its heap's.
/// </summary>
internal static unsafe class ThreadCachePool
{
    // By number: a page entry names its owner by it. Written once per cache, before its number is in any entry.
    private static readonly nint* s_byNumber = (nint*)NativeMemory.AllocZeroed(PageEntry.LastOwner + 1, (nuint)sizeof(nint));

    private static NativeLock s_lock;

    // A heap per request makes and drops a few caches at a time; what is beyond these gives its memory back.
    private const int KeptWarm = 16;

    // Caches that come in one piece of memory, so that each can begin with a page of the system.
    private const int CachesPerSlab = 8;

    // Guarded by the lock: linked by NextOrphan.
    private static ThreadCache* s_free;
    private static int s_freeCount;

    // Guarded by the lock: caches of the last slab that nobody has had.
    private static nint s_slabNext;
    private static nint s_slabEnd;
    private static int s_slabs;

    // Numbers given to caches so far. Constant per cache, so none is ever named by two.
    private static uint s_lastOwner = PageEntry.FirstOwner - 1;

    /// <summary>Pieces of memory had from the system so far.</summary>
    public static int Slabs => Volatile.Read(ref s_slabs);

    /// <summary>Caches that belong to no heap.</summary>
    public static int FreeCount => Volatile.Read(ref s_freeCount);

    // Whole pages, so that what one gives back is no other's.
    public static nuint Stride => (ThreadCache.Size + OsMemory.PageSize - 1) & ~(OsMemory.PageSize - 1);

    /// <summary>A cache of a heap with closed stacks and nothing on its shelves; null when there is no memory (or no number) for one.</summary>
    public static ThreadCache* TryTake(OsMemory os, ulong heapSerial)
    {
        s_lock.Enter();
        ThreadCache* cache = s_free;
        if (cache != null)
        {
            s_free = cache->NextOrphan;
            s_freeCount--;
        }

        s_lock.Exit();
        if (cache == null && (cache = TryCreate(os)) == null)
        {
            return null;
        }

        cache->NextOrphan = null;
        Volatile.Write(ref cache->HeapSerial, heapSerial);
        return cache;
    }

    /// <summary>The cache that an entry of blocks names. Caches are never freed and keep their numbers, so this is one for ever.</summary>
    public static ThreadCache* ByEntry(uint entry) => (ThreadCache*)s_byNumber[entry >> PageEntry.OwnerShift];

    /// <summary>Takes the cache of a heap that is gone.</summary>
    public static void Give(ThreadCache* cache, OsMemory os)
    {
        ThreadCache.Reset(cache, FreeCount >= KeptWarm ? os : null);
        s_lock.Enter();
        cache->NextOrphan = s_free;
        s_free = cache;
        s_freeCount++;
        s_lock.Exit();
    }

    private static ThreadCache* TryCreate(OsMemory os)
    {
        ThreadCache* cache = TryCut();
        if (cache == null && TryAddSlab(os))
        {
            cache = TryCut();
        }

        uint owner = cache == null ? PageEntry.LastOwner + 1 : Interlocked.Increment(ref s_lastOwner);
        if (owner > PageEntry.LastOwner)
        {
            if (cache != null)
            {
                // Or the numbers would begin again some day. The memory is lost, once: there is never another cache.
                Interlocked.Decrement(ref s_lastOwner);
            }

            return null;
        }

        cache->OwnerTag = owner << PageEntry.OwnerShift;
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

    // Outside the lock: the system may take its time. Of two threads that add one at once, the second gives it back.
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

        // Zero, as closed stacks and empty shelves are, and not resident before it is used, under any malloc.
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
