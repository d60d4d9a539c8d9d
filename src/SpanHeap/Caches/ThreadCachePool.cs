using SpanHeap.Os;
using SpanHeap.Spans;

namespace SpanHeap.Caches;

/// <summary>
/// The process's thread caches that belong to no heap. They are never freed: a thread may hold the address of a cache of a heap that
/// is gone, and finds there a serial number that is not its heap's.
/// </summary>
internal static unsafe class ThreadCachePool
{
    private static NativeLock s_lock;

    // Guarded by the lock: linked by NextOrphan.
    private static ThreadCache* s_free;

    // Numbers given to caches so far. Constant per cache, so none is ever named by two.
    private static uint s_lastOwner = PageEntry.FirstOwner - 1;

    /// <summary>A cache of a heap with closed stacks and nothing on its shelves; null when there is no memory (or no number) for one.</summary>
    public static ThreadCache* TryTake(OsMemory os, ulong heapSerial, int index)
    {
        s_lock.Enter();
        ThreadCache* cache = s_free;
        if (cache != null)
        {
            s_free = cache->NextOrphan;
        }

        s_lock.Exit();
        if (cache == null && (cache = TryCreate(os)) == null)
        {
            return null;
        }

        cache->NextOrphan = null;
        cache->Index = index;
        Volatile.Write(ref cache->HeapSerial, heapSerial);
        return cache;
    }

    /// <summary>Takes the cache of a heap that is gone.</summary>
    public static void Give(ThreadCache* cache)
    {
        ThreadCache.Reset(cache);
        s_lock.Enter();
        cache->NextOrphan = s_free;
        s_free = cache;
        s_lock.Exit();
    }

    private static ThreadCache* TryCreate(OsMemory os)
    {
        const nuint Alignment = 64;
        void* block = os.Allocate(OsCall.AllocateMetadata, ThreadCache.Size + Alignment, zeroed: true);
        uint owner = block == null ? 0 : Interlocked.Increment(ref s_lastOwner);
        if (block == null || owner > PageEntry.LastOwner)
        {
            os.Free(block);
            return null;
        }

        ThreadCache* cache = (ThreadCache*)(((nuint)block + Alignment - 1) & ~(Alignment - 1));
        cache->OwnerTag = owner << PageEntry.OwnerShift;
        return cache;
    }
}
