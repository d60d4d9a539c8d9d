using SpanHeap.Caches;
using SpanHeap.Spans;

namespace SpanHeap.Diagnostics;

/// <summary>The free blocks that lie in stacks, depots, outboxes, inboxes, the quarantine, or among what is put aside.</summary>
internal static unsafe class ParkedBlocks
{
    /// <summary>Counts them by class. Threads may go on meanwhile: their stacks are read as they happen to be.</summary>
    public static void Count(HeapCore heap, long[] byClass)
    {
        for (int i = 0; i < heap.Registry.Count; i++)
        {
            ThreadCache* cache = heap.Registry[i];
            LargeStack* large = ThreadCache.LargeOf(cache, heap.IsHidden);
            for (int k = Math.Min(Volatile.Read(ref large->Count), LargeStack.Capacity); k-- > 0;)
            {
                byClass[large->SizeClass(k)]++;
            }

            for (uint sizeClass = 1; sizeClass <= (uint)SizeClasses.Last; sizeClass++)
            {
                byClass[sizeClass] += CountOf(ThreadCache.Stack(cache, sizeClass)) + CountOf(ThreadCache.HiddenStack(cache, sizeClass));
            }

            cache->Lock.Enter();
            CountLocked(cache, byClass);
            cache->Lock.Exit();
        }

        heap.Quarantine?.Count(byClass);
        byClass[SizeClasses.None] = 0;
    }

    private static void CountLocked(ThreadCache* cache, long[] byClass)
    {
        for (uint sizeClass = 1; sizeClass <= (uint)SizeClasses.Last; sizeClass++)
        {
            ClassShelf* shelf = ThreadCache.Shelf(cache, sizeClass);
            byClass[sizeClass] += shelf->DepotBlocks;
        }

        for (int k = 0; k < ThreadCache.OutboxSize(cache); k++)
        {
            CountMagazine(ThreadCache.Outbox(cache, k)->Magazine, byClass);
        }

        CountChain((Magazine*)Volatile.Read(ref cache->Inbox), byClass);
        CountChain(cache->Pending, byClass);
    }

    // Both ends read once: their thread may be exchanging the magazine.
    private static int CountOf(ClassStack* stack)
    {
        nint top = Volatile.Read(ref *(nint*)&stack->Top);
        nint bottom = Volatile.Read(ref *(nint*)&stack->Base);
        nint count = (top - bottom) / sizeof(nint);
        return count is >= 0 and <= Magazine.Capacity ? (int)count : 0;
    }

    private static void CountChain(Magazine* magazine, long[] byClass)
    {
        for (; magazine != null; magazine = magazine->Next)
        {
            CountMagazine(magazine, byClass);
        }
    }

    private static void CountMagazine(Magazine* magazine, long[] byClass)
    {
        for (int i = 0; magazine != null && i < magazine->Count; i++)
        {
            byClass[PageEntry.SizeClass(*ArenaHeader.EntryOf(Magazine.Blocks(magazine)[i]))]++;
        }
    }

    /// <summary>Visits each. Exact, and safe, only while nobody uses the heap.</summary>
    public static void Visit(HeapCore heap, Action<nint> visit)
    {
        for (int i = 0; i < heap.Registry.Count; i++)
        {
            ThreadCache* cache = heap.Registry[i];
            LargeStack* large = ThreadCache.LargeOf(cache, heap.IsHidden);
            for (int k = 0; k < large->Count; k++)
            {
                visit(large->Block(k));
            }

            for (uint sizeClass = 1; sizeClass <= (uint)SizeClasses.Last; sizeClass++)
            {
                VisitStack(ThreadCache.Stack(cache, sizeClass), visit);
                VisitStack(ThreadCache.HiddenStack(cache, sizeClass), visit);
                ClassShelf* shelf = ThreadCache.Shelf(cache, sizeClass);
                for (int k = 0; k < shelf->DepotCount; k++)
                {
                    VisitMagazine((*shelf)[k], visit);
                }
            }

            for (int k = 0; k < ThreadCache.OutboxSize(cache); k++)
            {
                VisitMagazine(ThreadCache.Outbox(cache, k)->Magazine, visit);
            }

            VisitChain((Magazine*)Volatile.Read(ref cache->Inbox), visit);
            VisitChain(cache->Pending, visit);
        }

        heap.Quarantine?.Visit(visit);
    }

    private static void VisitStack(ClassStack* stack, Action<nint> visit)
    {
        for (nint* place = stack->Base; place < stack->Top; place++)
        {
            visit(*place);
        }
    }

    private static void VisitMagazine(Magazine* magazine, Action<nint> visit)
    {
        for (int i = 0; magazine != null && i < magazine->Count; i++)
        {
            visit(Magazine.Blocks(magazine)[i]);
        }
    }

    private static void VisitChain(Magazine* magazine, Action<nint> visit)
    {
        for (; magazine != null; magazine = magazine->Next)
        {
            VisitMagazine(magazine, visit);
        }
    }
}
