using SpanHeap.Os;
using SpanHeap.Spans;

namespace SpanHeap.Caches;

/// <summary>
/// Takes back what dead threads have left: their blocks go to their spans, spans with free slots to the central cache, where all threads
/// find them. Each orphan is drained once; one that gets spans with free slots later, because others free blocks of it, is only asked for these.
/// </summary>
/// <remarks>Thread safe. No lock may be held.</remarks>
internal sealed unsafe class OrphanDrain(
    OsMemory os, CacheRegistry registry, StackDrain stacks, CacheStock stock, BlockReturn blockReturn, RemoteFrees remote, ThreadCache* central)
{
    // Spans that change their owner under one hold of the locks.
    private const int SpansAtOnce = 32;

    private long _drained;

    /// <summary>Orphans drained so far.</summary>
    public long Drained => Volatile.Read(ref _drained);

    /// <summary>Drains all orphans that have not been, and passes on what others have got.</summary>
    public void DrainAll()
    {
        while (DrainNext())
        {
        }
    }

    /// <summary>Drains one orphan; when there is none left, passes on what others have got.</summary>
    /// <returns>False when nothing is left to do.</returns>
    public bool DrainNext()
    {
        // One at a time: an orphan taken for draining cannot be adopted meanwhile, because its stacks are the drainer's.
        registry.FenceOrphans();
        ThreadCache* orphan = registry.TakeUndrained();
        if (orphan == null)
        {
            PassOn();
            return false;
        }

        Drain(orphan);
        if (registry.HasDrainedToSpare && IsEmpty(orphan))
        {
            ThreadCache.TryGiveBack(orphan, os);
        }

        registry.ReturnOrphan(orphan);
        Interlocked.Increment(ref _drained);
        return true;
    }

    private void PassOn()
    {
        ThreadCache* next;
        for (ThreadCache* orphan = registry.TakeNoted(); orphan != null; orphan = next)
        {
            next = orphan->NextNoted;

            // Cleared first: what comes after is noted again. Nothing here needs the cache to be nobody's.
            Volatile.Write(ref orphan->IsNoted, false);
            if (!ThreadCache.IsOwned(orphan))
            {
                MoveSpans(orphan);
            }
        }
    }

    private void Drain(ThreadCache* orphan)
    {
        SetDraining(orphan, true);
        stacks.Drain(orphan);
        remote.Flush(orphan);
        remote.DrainInbox(orphan);
        for (uint sizeClass = 1; sizeClass <= (uint)SizeClasses.LastShared; sizeClass++)
        {
            orphan->Lock.Enter();
            stock.DrainDepot(orphan, sizeClass);
            orphan->Lock.Exit();
        }

        remote.SendPending(orphan);
        stock.ReleaseSpares(orphan);
        SetDraining(orphan, false);
        MoveSpans(orphan);
    }

    // Empty for good: no page entry of blocks that several share names it, so that nothing comes to its shelves before it has a thread.
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
        for (uint sizeClass = 1; sizeClass <= (uint)SizeClasses.LastShared; sizeClass++)
        {
            while (MoveSome(orphan, sizeClass))
            {
            }
        }
    }

    // True when there are more.
    private bool MoveSome(ThreadCache* orphan, uint sizeClass)
    {
        ClassShelf* shelf = ThreadCache.Shelf(orphan, sizeClass);
        InterleavingPoints.AtIf(shelf->Head != null, InterleavingPoint.SpansMoving);
        blockReturn.ReleaseEmptySpans(orphan, shelf);
        orphan->Lock.Enter();
        central->Lock.Enter();
        for (int left = SpansAtOnce; left > 0 && shelf->Head != null; left--)
        {
            // One may have become empty since.
            ThreadCache.MoveFirstSpan(orphan, central, sizeClass);
        }

        bool more = shelf->Head != null;
        central->Lock.Exit();
        orphan->Lock.Exit();
        return more;
    }
}
