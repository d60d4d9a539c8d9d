using SpanHeap.Caches;
using SpanHeap.Spans;

namespace SpanHeap.Diagnostics;

/// <summary>
/// Visits every free block that lies in a stack, depot, outbox, inbox or among what is put aside: exact while nobody uses the heap.
/// </summary>
internal static unsafe class ParkedBlocks
{
    public static void Visit(HeapCore heap, Action<nint> visit)
    {
        for (int i = 0; i < heap.Registry.Count; i++)
        {
            ThreadCache* cache = heap.Registry[i];
            if (cache->LastLargeClass != SizeClasses.None)
            {
                visit(cache->LastLarge);
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

                if (sizeClass > (uint)SizeClasses.LastShared)
                {
                    VisitMagazine(shelf->Kept, visit);
                }
            }

            for (int k = 0; k < ThreadCache.OutboxSize; k++)
            {
                VisitMagazine(ThreadCache.Outbox(cache, k)->Magazine, visit);
            }

            VisitChain((Magazine*)Volatile.Read(ref cache->Inbox), visit);
            VisitChain(cache->Pending, visit);
        }
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
