using System.Runtime.CompilerServices;
using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Caches;

/// <summary>
/// Blocks that are spans of their own. Freed ones of a class stay with the cache for a while, so that the next of that class costs
/// neither a search for pages nor the system.
/// </summary>
/// <remarks>
/// The last one is kept as the stacks are, for its thread alone. All others are kept under the cache's lock, so that the timer can give
/// them back while their thread sleeps. With full checks, which look at every call, no block is kept so.
/// </remarks>
internal sealed unsafe class LargeBlocks(SpanSource spans, CacheStock stock, HeapClock clock, bool keepsLast)
{
    // Per cache. Larger blocks go back to the page heap at once: beside using a megabyte, finding its pages again costs nothing, and the
    // pages stay backed by memory until the timer comes.
    private const long MaxKeptBytes = 1024 * 1024;

    /// <summary>The block freed last, if a block of so many bytes would be of its class. For the owning thread.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryTakeLast(ThreadCache* cache, nuint byteCount, out void* block)
    {
        uint sizeClass = cache->LastLargeClass;
        block = (void*)cache->LastLarge;
        if (sizeClass == SizeClasses.None || byteCount > SizeClasses.Info(sizeClass).Size || byteCount <= SizeClasses.Info(sizeClass - 1).Size)
        {
            return false;
        }

        cache->LastLargeClass = SizeClasses.None;
        return true;
    }

    /// <summary>Keeps a block of a class of one-block spans if nothing is kept so; else it is for <see cref="Keep"/>. For the owning thread.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryKeepLast(ThreadCache* cache, uint sizeClass, nint block)
    {
        if (cache->LastLargeClass != SizeClasses.None || SizeClasses.Info(sizeClass).Size > MaxKeptBytes)
        {
            return false;
        }

        cache->LastLargeClass = sizeClass;
        cache->LastLarge = block;
        return true;
    }

    /// <summary>A kept block of a class; null when there is none. Its contents are what they were. For the owning thread.</summary>
    public void* TryTakeKept(ThreadCache* cache, uint sizeClass)
    {
        if (cache->LastLargeClass == sizeClass)
        {
            cache->LastLargeClass = SizeClasses.None;
            return (void*)cache->LastLarge;
        }

        void* block = null;
        cache->Lock.Enter();
        ClassShelf* shelf = ThreadCache.Shelf(cache, sizeClass);
        shelf->UsedAt = clock.Now;
        Magazine* kept = shelf->Kept;
        if (kept != null && kept->Count > 0)
        {
            // The magazine stays for the next block, till the timer comes.
            block = (void*)Magazine.Blocks(kept)[--kept->Count];
            cache->LargeBytes -= SizeClasses.Info(sizeClass).Size;
        }

        cache->Lock.Exit();
        return block;
    }

    /// <summary>Keeps a freed block of a class, at the cost of others. For the owning thread.</summary>
    /// <returns>A block that could not be kept and is the caller's to return; 0 when there is none.</returns>
    public nint Keep(ThreadCache* cache, uint sizeClass, nint block)
    {
        if (SizeClasses.Info(sizeClass).Size > MaxKeptBytes)
        {
            return block;
        }

        if (!keepsLast)
        {
            return TryStore(cache, sizeClass, block) ? 0 : block;
        }

        uint displacedClass = cache->LastLargeClass;
        nint displaced = cache->LastLarge;
        cache->LastLargeClass = sizeClass;
        cache->LastLarge = block;
        return displacedClass == SizeClasses.None || TryStore(cache, displacedClass, displaced) ? 0 : displaced;
    }

    /// <summary>Takes the block that is kept for the owning thread alone; the cache must be the caller's, or of a dead thread in its hands.</summary>
    public static nint TakeLast(ThreadCache* cache)
    {
        nint last = cache->LastLargeClass == SizeClasses.None ? 0 : cache->LastLarge;
        cache->LastLargeClass = SizeClasses.None;
        return last;
    }

    private bool TryStore(ThreadCache* cache, uint sizeClass, nint block)
    {
        long size = SizeClasses.Info(sizeClass).Size;
        cache->Lock.Enter();
        if (cache->LargeBytes + size > MaxKeptBytes)
        {
            MakeRoom(cache, size);
        }

        ClassShelf* shelf = ThreadCache.Shelf(cache, sizeClass);
        shelf->UsedAt = clock.Now;
        Magazine* kept = shelf->Kept;
        if (kept == null)
        {
            kept = shelf->Kept = stock.TakeEmpty(cache);
        }

        bool room = kept != null && kept->Count < Magazine.Capacity;
        if (room)
        {
            Magazine.Blocks(kept)[kept->Count++] = block;
            cache->LargeBytes += size;
        }

        cache->Lock.Exit();
        return room;
    }

    /// <summary>Returns the kept blocks of a class. The caller holds the cache's lock.</summary>
    public void DrainLocked(ThreadCache* cache, uint sizeClass)
    {
        ClassShelf* shelf = ThreadCache.Shelf(cache, sizeClass);
        Magazine* kept = shelf->Kept;
        if (kept != null)
        {
            shelf->Kept = null;
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
