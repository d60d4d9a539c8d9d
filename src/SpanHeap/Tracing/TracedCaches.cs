using SpanHeap.Caches;
using SpanHeap.Guarding;
using SpanHeap.Os;
using SpanHeap.Sweeping;

namespace SpanHeap.Tracing;

/// <summary>The traced caches of a heap: one for each thread cache whose thread has ever been in a scope.</summary>
/// <remarks>They come and go with their thread caches: a dead thread's is adopted with it, and whatever scope it left open is closed.</remarks>
internal sealed unsafe class TracedCaches(CacheRegistry registry, MetadataAllocator metadata, GuardSampler? sampler)
{
    // The one made last. Pushed by compare-exchange and never taken out, so that no cache is missed while it changes hands.
    private nint _last;

    /// <summary>The one made last: from it <see cref="TracedCache.Previous"/> leads to all others.</summary>
    public TracedCache* Last => (TracedCache*)Volatile.Read(ref _last);

    /// <summary>The traced cache of a thread's cache; null before it has one.</summary>
    public static TracedCache* Of(ThreadCache* cache) => (TracedCache*)Volatile.Read(ref cache->Traced);

    /// <summary>One for the calling thread's cache: that of the thread that had the cache before, or a new one; null when there is no memory.</summary>
    public TracedCache* TryAttach(ThreadCache* cache)
    {
        TracedCache* own = (TracedCache*)cache->FormerTraced;
        if (own == null && (own = (TracedCache*)metadata.Allocate(TracedCache.Size)) != null)
        {
            TracedCache.Prepare(own);
            own->Owner = (nint)cache;
            own->UntilSample = sampler?.Draw() ?? 0;
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
            // A scope that the former thread left open ended with it.
            Volatile.Write(ref own->Depth, 0);
            own->ThreadNumber = Environment.CurrentManagedThreadId;
            cache->FormerTraced = 0;
            Volatile.Write(ref cache->Traced, (nint)own);
        }

        return own;
    }

    /// <summary>How many have, or may have, spans: those that have allocated since they were made. No thread is in a scope.</summary>
    public int CountUsed()
    {
        int count = 0;
        for (TracedCache* cache = Last; cache != null; cache = cache->Previous)
        {
            count += cache->WasUsed ? 1 : 0;
        }

        return count;
    }

    /// <summary>
    /// What caches have taken and not told the heap of is part of what was marked, or dead: it is not to be added to that. No thread is in
    /// a scope.
    /// </summary>
    public void ForgetTaken()
    {
        for (TracedCache* cache = Last; cache != null; cache = cache->Previous)
        {
            cache->BytesTaken = 0;
        }
    }

    /// <summary>The cache of a thread that is in a scope; null when none is.</summary>
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

    /// <summary>Calls for each that may have spans. Which of them do changes only while a thread is in a scope.</summary>
    public void ForEach(delegate*<TracedHeap, TracedCache*, void> action, TracedHeap heap)
    {
        for (TracedCache* cache = Last; cache != null; cache = cache->Previous)
        {
            if (cache->WasUsed)
            {
                action(heap, cache);
            }
        }
    }

    // A thread that ended within a scope will not leave it. Its cache is an orphan as soon as somebody has asked, or the next thread's,
    // which does not have this one yet.
    private bool IsAlive(TracedCache* cache)
    {
        ThreadCache* owner = (ThreadCache*)cache->Owner;
        registry.Poll(owner);
        if (ThreadCache.IsOwned(owner) && Of(owner) == cache)
        {
            return true;
        }

        // What it wrote last must be seen by who looks at its cache now.
        Interlocked.MemoryBarrierProcessWide();
        return false;
    }
}
