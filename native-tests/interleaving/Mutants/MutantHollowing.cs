using SpanHeap.Caches;
using SpanHeap.Os;
using SpanHeap.Spans;

namespace SpanHeap.Tests.Interleaving.Mutants;

/// <summary>Gives the memory under free slots back as the library does, with one step done wrongly.</summary>
internal static unsafe class MutantHollowing
{
    /// <summary>Returns the slots of one span to the owner that it had before they were discarded.</summary>
    public static void ReturnToFormerOwner(HeapCore heap, uint sizeClass)
    {
        BlockReturn blockReturn = new(heap.Spans, heap.Misuse, heap.Registry);
        SpanHollowing hollowing = new(blockReturn);
        for (int i = 0; i < heap.Registry.Count; i++)
        {
            ThreadCache* cache = heap.Registry[i];
            if (hollowing.TryTake(cache, ThreadCache.Shelf(cache, sizeClass), uint.MaxValue, out HollowSpan hollow))
            {
                ThreadCache* owner = (ThreadCache*)hollow.Span->Owner;
                InterleavingPoints.At(InterleavingPoint.SlotsTaken);
                hollow.Discard(heap.Os);
                InterleavingPoints.At(InterleavingPoint.SlotsDiscarded);
                owner->Lock.Enter();
                blockReturn.GiveBackHollow(owner, hollow.Span, HollowSpan.Taken(ref hollow));
                owner->Lock.Exit();
                return;
            }
        }
    }
}
