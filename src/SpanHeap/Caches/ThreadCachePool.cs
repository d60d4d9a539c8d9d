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

    // Guarded by the lock: linked by NextOrphan.
    private static ThreadCache* s_free;

    // Numbers given to caches so far. Constant per cache, so none is ever named by two.
    private static uint s_lastOwner = PageEntry.FirstOwner - 1;

    /// <summary>A cache of a heap with closed stacks and nothing on its shelves; null when there is no memory (or no number) for one.</summary>
    public static ThreadCache* TryTake(OsMemory os, ulong heapSerial)
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
        Volatile.Write(ref cache->HeapSerial, heapSerial);
        return cache;
    }

    /// <summary>The cache that an entry of blocks names. Caches are never freed and keep their numbers, so this is one for ever.</summary>
    public static ThreadCache* ByEntry(uint entry) => (ThreadCache*)s_byNumber[entry >> PageEntry.OwnerShift];

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
        void* block = os.Allocate(OsCall.AllocateMetadata, ThreadCache.Size + ThreadCache.Alignment, zeroed: true);
        uint owner = block == null ? PageEntry.LastOwner + 1 : Interlocked.Increment(ref s_lastOwner);
        if (owner > PageEntry.LastOwner)
        {
            if (block != null)
            {
                // Or the numbers would begin again some day.
                Interlocked.Decrement(ref s_lastOwner);
                os.Free(block);
            }

            return null;
        }

        ThreadCache* cache = (ThreadCache*)(((nuint)block + ThreadCache.Alignment - 1) & ~(ThreadCache.Alignment - 1));
        cache->OwnerTag = owner << PageEntry.OwnerShift;
        Volatile.Write(ref s_byNumber[owner], (nint)cache);
        return cache;
    }
}
