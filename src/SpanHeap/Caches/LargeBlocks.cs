using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Caches;

/// <summary>
/// Blocks that are spans of their own. Freed ones of a class stay with the cache for a while, so that the next of that class costs
/// neither a search for pages nor the system.
/// </summary>
/// <remarks>
/// Kept under the cache's lock rather than in the thread's stacks, so that the timer can give them back while their thread sleeps.
/// </remarks>
internal sealed unsafe class LargeBlocks(SpanSource spans, CacheStock stock, HeapClock clock)
{
    // Per cache. Larger blocks go back to the page heap at once: beside using a megabyte, finding its pages again costs nothing, and the
    // pages stay backed by memory until the timer comes.
    private const long MaxKeptBytes = 1024 * 1024;

    /// <summary>A kept block of a class; null when there is none. Its contents are what they were.</summary>
    public void* TryTakeKept(ThreadCache* cache, uint sizeClass)
    {
        void* block = null;
        cache->Lock.Enter();
        ClassShelf* shelf = ThreadCache.Shelf(cache, sizeClass);
        shelf->UsedAt = clock.Now;
        if (shelf->DepotCount != 0)
        {
            Magazine* kept = (*shelf)[0];
            block = (void*)Magazine.Blocks(kept)[--kept->Count];
            cache->LargeBytes -= SizeClasses.Info(sizeClass).Size;
            if (kept->Count == 0)
            {
                stock.GiveEmpty(cache, shelf->Pop());
            }
        }

        cache->Lock.Exit();
        return block;
    }

    /// <summary>Keeps a freed block of a class, making room at the cost of other classes; returns it at once where that cannot be.</summary>
    /// <returns>False when the block could not be kept and is still the caller's.</returns>
    public bool TryKeep(ThreadCache* cache, uint sizeClass, nint block)
    {
        long size = SizeClasses.Info(sizeClass).Size;
        if (size > MaxKeptBytes)
        {
            return false;
        }

        cache->Lock.Enter();
        MakeRoom(cache, size);
        ClassShelf* shelf = ThreadCache.Shelf(cache, sizeClass);
        shelf->UsedAt = clock.Now;
        if (shelf->DepotCount == 0)
        {
            Magazine* empty = stock.TakeEmpty(cache);
            if (empty != null)
            {
                shelf->Push(empty);
            }
        }

        bool kept = shelf->DepotCount != 0 && (*shelf)[0]->Count < Magazine.Capacity;
        if (kept)
        {
            Magazine* magazine = (*shelf)[0];
            Magazine.Blocks(magazine)[magazine->Count++] = block;
            cache->LargeBytes += size;
        }

        cache->Lock.Exit();
        return kept;
    }

    /// <summary>Returns the kept blocks of a class. The caller holds the cache's lock.</summary>
    public void DrainLocked(ThreadCache* cache, uint sizeClass)
    {
        ClassShelf* shelf = ThreadCache.Shelf(cache, sizeClass);
        if (shelf->DepotCount != 0)
        {
            Magazine* kept = shelf->Pop();
            cache->LargeBytes -= kept->Count * (long)SizeClasses.Info(sizeClass).Size;
            stock.ReturnAll(cache, kept);
        }
    }

    /// <summary>A fresh block, of a class or (<see cref="SizeClasses.None"/>) of whole pages; null when pages are lacking.</summary>
    public void* TryCreate(ThreadCache* owner, uint sizeClass, int pages, nuint alignment, int room, out bool needsZero)
    {
        int pageAlignment = (int)Math.Max(1, alignment >> PageGeometry.PageShift);
        Span* span = sizeClass != SizeClasses.None
            ? spans.TryCreate(sizeClass, (nint)owner, owner->OwnerTag, room, out needsZero)
            : spans.TryCreateRun(pages, pageAlignment, room, (nint)owner, owner->OwnerTag, out needsZero);
        return span == null ? null : (void*)span->Base;
    }

    private void MakeRoom(ThreadCache* cache, long size)
    {
        uint first = (uint)SizeClasses.LastShared + 1;
        for (int tries = SizeClasses.Last - SizeClasses.LastShared; cache->LargeBytes + size > MaxKeptBytes && tries > 0; tries--)
        {
            cache->LargeTurn = cache->LargeTurn < first || cache->LargeTurn >= SizeClasses.Last ? first : cache->LargeTurn + 1;
            DrainLocked(cache, cache->LargeTurn);
        }
    }
}
