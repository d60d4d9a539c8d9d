using SpanHeap.Blocks;
using SpanHeap.Caches;
using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Threads;

namespace SpanHeap.Heap;

/// <summary>
/// Takes back what dead threads have left. Their blocks go to their spans, and spans with free slots go to the central cache, where all threads find
/// them. Each orphan is drained once. If it gets spans with free slots later, because other threads free blocks of it, only these are passed on.
/// </summary>
/// <remarks>
/// Thread safe. The caller must not hold a lock. The backoff is not that of the heap's pages: caches lie in memory of the process, which may be locked
/// while pages are not, and their refusals must not make pages wait.
/// </remarks>
internal sealed unsafe class OrphanDrain(
    DiscardBackoff discards, CacheRegistry registry, NotedCaches noted, StackDrain stacks, MagazineReturn magazineReturn, SpareMagazines spares, SpanReturn spanReturn, RemoteFrees remote, ThreadCache* central)
{
    // The number of spans that change their owner while the locks are held once.
    private const int SpansAtOnce = 32;

    /// <summary>Whether the system is asked at the moment to take the memory of a dead thread's cache.</summary>
    public bool MayGiveBack => discards.MayTry;

    /// <inheritdoc cref="DiscardBackoff.BytesDiscarded"/>
    public long BytesDiscarded => discards.BytesDiscarded;

    /// <summary>Ends a pause after refusals, because the memory is wanted now.</summary>
    public void EndPause() => discards.EndPause();

    /// <summary>Drains all orphans that have not been drained, and passes on what others have received.</summary>
    public void DrainAll()
    {
        while (DrainNext())
        {
        }
    }

    /// <summary>Drains one orphan. When there is none left, passes on what others have received.</summary>
    /// <returns>False when nothing is left to do.</returns>
    public bool DrainNext()
    {
        // One at a time: an orphan taken for draining cannot be adopted meanwhile, because its stacks belong to the drainer.
        registry.FenceOrphans();
        ThreadCache* orphan = registry.TakeUndrained();
        if (orphan == null)
        {
            PassOn();
            return false;
        }

        Drain(orphan);
        if (registry.SpareDrained >= 0 && IsEmpty(orphan))
        {
            CacheMemory.TryGiveBack(orphan, discards);
        }

        registry.ReturnOrphan(orphan);
        return true;
    }

    /// <summary>Gives the memory of a dead thread's cache back if it has been drained and is now empty.</summary>
    /// <param name="cache">Any cache of the heap.</param>
    /// <returns>Whether memory was given back.</returns>
    public bool TryGiveBack(ThreadCache* cache)
    {
        // Checked first, because no thread can adopt an orphan that is held; and checked again, because a thread may have adopted it in between.
        if (ThreadCache.IsOwned(cache) || !IsEmpty(cache) || !registry.TryTakeDrained(cache))
        {
            return false;
        }

        spares.ReleaseAll(cache);
        bool given = IsEmpty(cache) && CacheMemory.TryGiveBack(cache, discards);
        registry.ReturnOrphan(cache);
        return given;
    }

    /// <summary>Passes on spans with free slots that orphans have received since they were drained.</summary>
    public void PassOn()
    {
        ThreadCache* next;
        for (ThreadCache* orphan = noted.TakeAll(); orphan != null; orphan = next)
        {
            next = orphan->NextNoted;

            // Cleared first, so that what comes later is noted again. Nothing here requires the cache to be without an owner.
            Volatile.Write(ref orphan->IsNoted, false);
            if (!ThreadCache.IsOwned(orphan))
            {
                MoveSpans(orphan);
            }
        }
    }

    private void Drain(ThreadCache* orphan)
    {
        Invariant.Assert(!ThreadCache.IsOwned(orphan), "The stacks of an orphan are the drainer's: no thread has it, and none can adopt it meanwhile.");
        SetDraining(orphan, true);
        stacks.Drain(orphan);
        remote.Flush(orphan);
        remote.DrainInbox(orphan);
        for (uint sizeClass = ThreadCache.NextUsed(orphan, 0); sizeClass != 0; sizeClass = ThreadCache.NextUsed(orphan, sizeClass))
        {
            orphan->Lock.Enter();
            magazineReturn.DrainDepot(orphan, sizeClass);
            orphan->Lock.Exit();
        }

        remote.SendPending(orphan);
        spares.ReleaseAll(orphan);
        SetDraining(orphan, false);
        MoveSpans(orphan);
    }

    // Empty for good: no page entry of shared blocks names it, so nothing comes to its bins before it has a thread.
    private static bool IsEmpty(ThreadCache* orphan)
    {
        orphan->Lock.Enter();
        bool empty = ThreadCache.IsEmpty(orphan);
        orphan->Lock.Exit();
        return empty;
    }

    private static void SetDraining(ThreadCache* orphan, bool draining)
    {
        orphan->Lock.Enter();
        orphan->IsDraining = draining;
        orphan->Lock.Exit();
    }

    private void MoveSpans(ThreadCache* orphan)
    {
        for (uint sizeClass = ThreadCache.NextUsed(orphan, 0); sizeClass != 0; sizeClass = ThreadCache.NextUsed(orphan, sizeClass))
        {
            while (MoveSome(orphan, sizeClass))
            {
            }
        }
    }

    // True when there are more.
    private bool MoveSome(ThreadCache* orphan, uint sizeClass)
    {
        ClassBin* bin = ThreadCache.Bin(orphan, sizeClass);
        InterleavingPoints.AtIf(bin->Head != null, InterleavingPoint.SpansMoving);
        spanReturn.ReleaseEmptySpans(orphan, bin);
        orphan->Lock.Enter();
        central->Lock.Enter();
        for (int left = SpansAtOnce; left > 0 && bin->Head != null; left--)
        {
            // One may have become empty since.
            SpanTransfer.MoveFirst(orphan, central, sizeClass);
        }

        bool more = bin->Head != null;
        central->Lock.Exit();
        orphan->Lock.Exit();
        return more;
    }
}
