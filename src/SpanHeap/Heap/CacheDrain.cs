using SpanHeap.Blocks;
using SpanHeap.Caches;
using SpanHeap.Checks;
using SpanHeap.Os;
using SpanHeap.Pages;

namespace SpanHeap.Heap;

/// <summary>Takes back what caches keep, cache by cache, for the heap's maintenance.</summary>
/// <remarks>Thread safe. The caller must not hold a lock.</remarks>
internal sealed unsafe class CacheDrain(
    StackDrain stacks, MagazineReturn magazineReturn, SpanReturn spanReturn, RemoteFrees remote, GatheredFrees gathered, FreedBlockQuarantine? quarantine, HeapEpoch clock)
{
    /// <summary>Returns the blocks on the stacks of a cache. The stacks belong to the caller (see <see cref="StackDrain"/>).</summary>
    public void DrainStacks(ThreadCache* cache) => stacks.Drain(cache);

    /// <summary>Returns the blocks in a cache's depots and releases its empty spans.</summary>
    /// <param name="cache">Any cache of the heap.</param>
    /// <param name="idleOnly">Whether to do so only where nothing has happened for a whole round.</param>
    /// <returns>Whether something is still kept.</returns>
    public bool DrainBins(ThreadCache* cache, bool idleOnly)
    {
        LockOrder.AssertNoneHeld();
        uint now = clock.Now;
        bool kept = false;
        for (uint sizeClass = ThreadCache.NextUsed(cache, 0); sizeClass != 0; sizeClass = ThreadCache.NextUsed(cache, sizeClass))
        {
            ClassBin* bin = ThreadCache.Bin(cache, sizeClass);
            cache->Lock.Enter();
            bool any = bin->DepotBlocks > 0 || bin->EmptySpans > 0;
            bool drain = any && (!idleOnly || bin->UsedAt + 1 < now);
            if (drain)
            {
                magazineReturn.DrainDepot(cache, sizeClass);
            }

            cache->Lock.Exit();
            if (drain)
            {
                spanReturn.ReleaseEmptySpans(cache, bin);
            }

            kept |= any && !drain;
        }

        remote.SendPending(cache);
        return kept;
    }

    /// <summary>Takes in what other threads have sent to a cache.</summary>
    public void DrainInbox(ThreadCache* cache) => remote.DrainInbox(cache);

    /// <summary>Sends what a cache has gathered for others.</summary>
    /// <param name="cache">Any cache of the heap.</param>
    /// <param name="idleOnly">Whether to do so only if nothing has been gathered for a whole round.</param>
    /// <returns>Whether something is still kept.</returns>
    public bool FlushOutbox(ThreadCache* cache, bool idleOnly)
    {
        bool isGathering = gathered.Take(cache, idleOnly);
        cache->Lock.Enter();
        bool used = cache->OutboxUsedAt != 0;
        bool flush = used && (!idleOnly || cache->OutboxUsedAt + 1 < clock.Now);
        cache->OutboxUsedAt = flush ? 0 : cache->OutboxUsedAt;
        cache->Lock.Exit();
        if (flush)
        {
            remote.Flush(cache);
        }

        return isGathering || (used && !flush);
    }

    /// <summary>Checks some of the freed blocks that are held back, and returns them to their spans.</summary>
    /// <param name="place">The place to continue at; 0 at first.</param>
    /// <param name="most">The maximum number of blocks.</param>
    /// <returns>Whether there may be more.</returns>
    public bool ReleaseKeptBack(ref int place, int most)
    {
        nint block = 0;
        for (int released = 0; released < most && (block = quarantine!.TakeNext(ref place)) != 0; released++)
        {
            spanReturn.ReturnOne(block);
        }

        return block != 0;
    }
}
