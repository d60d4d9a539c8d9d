namespace SpanHeap.Caches;

/// <summary>The caches of a heap that no thread owns and that have a span with free slots again. Whichever thread drains caches takes them.</summary>
/// <remarks>Thread safe: any thread pushes by compare-exchange, and all are taken at once.</remarks>
internal sealed unsafe class NotedCaches
{
    // The first cache, linked by ThreadCache.NextNoted; 0 for none.
    private nint _first;

    /// <summary>Notes a cache, unless it is noted already or is being drained all the time. The caller holds the cache's lock.</summary>
    public void Note(ThreadCache* cache)
    {
        cache->Lock.AssertHeld();
        if (cache->IsDraining || Volatile.Read(ref cache->IsNoted))
        {
            return;
        }

        Volatile.Write(ref cache->IsNoted, true);
        nint first;
        do
        {
            first = Volatile.Read(ref _first);
            cache->NextNoted = (ThreadCache*)first;
        }
        while (Interlocked.CompareExchange(ref _first, (nint)cache, first) != first);
    }

    /// <summary>Takes all noted caches, linked by <see cref="ThreadCache.NextNoted"/>. Some may belong to a thread again.</summary>
    public ThreadCache* TakeAll() => (ThreadCache*)Interlocked.Exchange(ref _first, 0);
}
