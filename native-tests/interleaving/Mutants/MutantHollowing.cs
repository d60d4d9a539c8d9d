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
        for (int i = 0; i < heap.Registry.Count; i++)
        {
            ThreadCache* cache = heap.Registry[i];
            TakenSlots taken = default;
            cache->Lock.Enter();
            Span* span = ThreadCache.Shelf(cache, sizeClass)->Head;
            if (span != null)
            {
                SpanScavenger.Take(cache, span, ref taken);
            }

            cache->Lock.Exit();
            if (span != null)
            {
                ThreadCache* owner = (ThreadCache*)span->Owner;
                InterleavingPoints.At(InterleavingPoint.SlotsTaken);
                taken.Discard(heap.Discards);
                InterleavingPoints.At(InterleavingPoint.SlotsDiscarded);
                owner->Lock.Enter();
                blockReturn.GiveBackHollow(owner, span, TakenSlots.Words(ref taken));
                owner->Lock.Exit();
                return;
            }
        }
    }
}
