using SpanHeap.Traced.Sweeping;

namespace SpanHeap.Traced.Gating;

/// <summary>Takes back what the caches of all threads hold. Called by the collector, while the gate is closed and no thread is in a scope.</summary>
internal sealed unsafe class CacheFlush(TracedCaches caches, TracedRefill refill, Sweeper sweeper)
{
    /// <summary>Takes back from caches that still hold what they had when the last cycle began.</summary>
    public void FlushStale()
    {
        for (TracedCache* cache = caches.LastUsed; cache != null; cache = TracedCaches.UsedBefore(cache))
        {
            if (cache->Generation != sweeper.Generation)
            {
                refill.Flush(cache, sweeper.Generation);
            }
        }
    }

    /// <summary>Takes back from all caches.</summary>
    public void FlushAll()
    {
        for (TracedCache* cache = caches.LastUsed; cache != null; cache = TracedCaches.UsedBefore(cache))
        {
            refill.Flush(cache, sweeper.Generation);
        }
    }

    /// <summary>Notes that a cycle has begun and that no cache is stale: none holds anything from the previous cycle.</summary>
    public void Renew()
    {
        for (TracedCache* cache = caches.LastUsed; cache != null; cache = TracedCaches.UsedBefore(cache))
        {
            cache->Generation = sweeper.Generation;
        }
    }
}
