using SpanHeap.Caches;
using SpanHeap.Contract;
using SpanHeap.Heap;
using SpanHeap.Traced.Sweeping;

namespace SpanHeap.Traced.Gating;

/// <summary>The traced caches of a heap: one for each thread cache whose thread has ever been in a scope.</summary>
/// <remarks>
/// They come and go with their thread caches: a dead thread's cache is adopted with its thread cache, and any scope it left open is closed.
/// </remarks>
internal sealed unsafe class TracedCaches(HeapCore core)
{
    // The cache made last. Caches are pushed by compare-exchange and never taken out, so that none is missed while it changes hands.
    private nint _last;

    /// <summary>The cache made last: from it, <see cref="TracedCache.Previous"/> leads to all others.</summary>
    public TracedCache* Last => (TracedCache*)Volatile.Read(ref _last);

    /// <summary>
    /// The last cache that may have spans: <see cref="UsedBefore"/> leads to all others. Which ones do changes only while a thread is in a scope.
    /// </summary>
    public TracedCache* LastUsed => UsedFrom(Last);

    /// <summary>Finds the calling thread's cache; null before it has one. It waits for a thread that is taking what lies on the stacks.</summary>
    public TracedCache* FindOwn()
    {
        ThreadCache* own = core.FindOwnCache();
        return own != ThreadCache.None ? Of(own) : null;
    }

    /// <summary>Makes a cache for the calling thread, which has none.</summary>
    /// <exception cref="OutOfMemoryException">There is no memory for the thread's records.</exception>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    public TracedCache* AttachOwn()
    {
        TracedCache* cache = TryAttach(core.Attach());
        if (cache == null)
        {
            ThrowHelper.OutOfMemory(core.Name, TracedCache.Size, core.Options.MemoryLimit);
        }

        return cache;
    }

    /// <summary>The previous cache that may have spans; null if there is none.</summary>
    public static TracedCache* UsedBefore(TracedCache* cache) => UsedFrom(cache->Previous);

    /// <summary>The traced cache of a thread's cache; null before it has one.</summary>
    public static TracedCache* Of(ThreadCache* cache) => (TracedCache*)Volatile.Read(ref *(nint*)&cache->Traced);

    /// <summary>
    /// Gets a traced cache for the calling thread's cache: that of the cache's previous thread, or a new one; null if there is no memory.
    /// </summary>
    public TracedCache* TryAttach(ThreadCache* cache)
    {
        TracedCache* own = (TracedCache*)cache->FormerTraced;
        if (own == null && (own = (TracedCache*)core.Metadata.Allocate(TracedCache.Size)) != null)
        {
            TracedCache.Prepare(own);
            own->Wing.Owner = cache;
            own->UntilSample = core.Sampler?.Draw() ?? 0;
            nint last;
            do
            {
                last = Volatile.Read(ref _last);
                own->Previous = (TracedCache*)last;
            }
            while (Interlocked.CompareExchange(ref _last, (nint)own, last) != last);
        }

        if (own != null)
        {
            // A scope that the previous thread left open ended with that thread.
            Volatile.Write(ref own->Depth, 0);
            own->ThreadNumber = Environment.CurrentManagedThreadId;
            cache->FormerTraced = null;
            Volatile.Write(ref *(nint*)&cache->Traced, (nint)own);
        }

        return own;
    }

    /// <summary>The number of caches that may have spans: those that have allocated since they were made. No thread is in a scope.</summary>
    public int CountUsed()
    {
        int count = 0;
        for (TracedCache* cache = LastUsed; cache != null; cache = UsedBefore(cache))
        {
            count++;
        }

        return count;
    }

    /// <summary>The bytes that ends of scopes have freed.</summary>
    public long SumFreedByScopes()
    {
        long sum = 0;
        for (TracedCache* cache = Last; cache != null; cache = cache->Previous)
        {
            sum += Volatile.Read(ref cache->Nursery.BytesFreed);
        }

        return sum;
    }

    /// <summary>
    /// Forgets what caches have taken but not reported to the heap: it has been marked or is dead, and must not be added. No thread is in a scope.
    /// </summary>
    public void ForgetTaken()
    {
        for (TracedCache* cache = Last; cache != null; cache = cache->Previous)
        {
            cache->BytesTaken = cache->Nursery.Bytes = 0;
        }
    }

    /// <summary>Finds the cache of a thread that is in a scope; null if none is.</summary>
    public TracedCache* FindInScope()
    {
        for (TracedCache* cache = Last; cache != null; cache = cache->Previous)
        {
            if (Volatile.Read(ref cache->Depth) != 0 && IsAlive(cache))
            {
                return cache;
            }
        }

        return null;
    }

    private static TracedCache* UsedFrom(TracedCache* cache)
    {
        while (cache != null && !cache->WasUsed)
        {
            cache = cache->Previous;
        }

        return cache;
    }

    // A thread that ended within a scope will not leave it. Its cache becomes an orphan as soon as this is asked, or belongs to the next thread,
    // which does not have this traced cache yet.
    private bool IsAlive(TracedCache* cache)
    {
        ThreadCache* owner = cache->Wing.Owner;
        core.Registry.Poll(owner);
        if (ThreadCache.IsOwned(owner) && Of(owner) == cache)
        {
            return true;
        }

        // What the thread wrote last must be visible to the thread that reads its cache now.
        Interlocked.MemoryBarrierProcessWide();
        return false;
    }
}
