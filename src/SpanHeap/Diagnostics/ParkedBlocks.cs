using SpanHeap.Caches;
using SpanHeap.Heap;
using SpanHeap.Spans;

namespace SpanHeap.Diagnostics;

/// <summary>The free blocks that lie in stacks, depots, outboxes, inboxes, the quarantine, or among what was put aside.</summary>
internal static unsafe class ParkedBlocks
{
    /// <summary>Visits each block. Exact, and safe, only while no thread uses the heap.</summary>
    public static void Visit(HeapCore heap, Action<nint> visit)
    {
        for (int i = 0; i < heap.Registry.Count; i++)
        {
            ThreadCache* cache = heap.Registry[i];
            LargeCache* large = ThreadCache.LargeOf(cache, heap.IsHidden);
            for (int k = 0; k < large->Count; k++)
            {
                visit(large->Block(k));
            }

            VisitStack(&cache->Gathered, visit);
            for (uint sizeClass = 1; sizeClass <= (uint)SizeClasses.Last; sizeClass++)
            {
                VisitStack(ThreadCache.Stack(cache, sizeClass), visit);
                VisitStack(ThreadCache.HiddenStack(cache, sizeClass), visit);
                ClassBin* bin = ThreadCache.Bin(cache, sizeClass);
                for (int k = 0; k < bin->DepotCount; k++)
                {
                    VisitMagazine((*bin)[k], visit);
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
        for (nint* place = stack->Oldest; place < stack->Top; place++)
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
