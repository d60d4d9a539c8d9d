using SpanHeap.Os;
using SpanHeap.Pages;

namespace SpanHeap.Caches;

/// <summary>Clears the memory of a thread's cache, and gives back what lies after the fields that other threads may touch at any time.</summary>
internal static unsafe class CacheMemory
{
    /// <summary>
    /// Closes all stacks and empties all bins of a cache whose heap is gone. What identifies the cache stays: its number and its ownership, which
    /// former owners may read at any time.
    /// </summary>
    /// <param name="cache">The cache.</param>
    /// <param name="os">The system that the memory of stacks and bins is given back to; null to keep the memory.</param>
    public static void Reset(ThreadCache* cache, OsMemory? os)
    {
        const int OwnershipEnd = ThreadCache.ColdOffset + 16;
        cache->Owner.HeapSerial = 0;
        cache->UntilSample = 0;
        cache->Large = default;
        Clear(cache, OwnershipEnd, ThreadCache.StacksOffset);
        nint first = FirstToDiscard(cache, out nuint bytes);
        if (os != null && OsMemory.DiscardedPagesAreZero && bytes > 0 && os.Discard(first, bytes))
        {
            Clear(cache, ThreadCache.StacksOffset, (int)(first - (nint)cache));
        }
        else
        {
            Clear(cache, ThreadCache.StacksOffset, ThreadCache.Size);
        }
    }

    /// <summary>
    /// Gives back the memory of stacks and bins, which must be empty. Whatever this memory reads as afterwards, zeros or its old contents, means
    /// the same. The caller holds the cache as an orphan, and holds no lock.
    /// </summary>
    public static bool TryGiveBack(ThreadCache* cache, DiscardBackoff discards)
    {
        LockOrder.AssertNoneHeld();
        Invariant.Assert(!ThreadCache.IsOwned(cache), "The caller holds the cache as an orphan.");
        nint first = FirstToDiscard(cache, out nuint bytes);
        bool given = bytes > 0 && discards.TryDiscard(first, bytes);
        Volatile.Write(ref cache->IsGivenBack, given);
        return given;
    }

    private static void Clear(ThreadCache* cache, int from, int to) => new Span<byte>((byte*)cache + from, to - from).Clear();

    // What can be given back ends with the cache's last page, which belongs to no other cache.
    private static nint FirstToDiscard(ThreadCache* cache, out nuint bytes)
    {
        nint page = (nint)OsMemory.PageSize;
        nint first = ((nint)cache + ThreadCache.StacksOffset + page - 1) & -page;
        nint end = (nint)cache + (nint)ThreadCachePool.Stride;
        bytes = (nuint)Math.Max(end - first, 0);
        return first;
    }
}
