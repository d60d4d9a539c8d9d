using SpanHeap.Caches;
using SpanHeap.Heap;
using SpanHeap.Os;
using SpanHeap.Spans;

namespace SpanHeap.Tests.Interleaving.Mutants;

/// <summary>Gives the memory under free slots back as the library does, with one step done wrongly.</summary>
internal static unsafe class MutantHollowing
{
    /// <summary>Returns the slots of one span to the owner that it had before they were discarded.</summary>
    public static void ReturnToFormerOwner(HeapCore heap, uint sizeClass)
    {
        SpanReturn spanReturn = new(heap.Spans, heap.Misuse, new NotedCaches());
        for (int i = 0; i < heap.Registry.Count; i++)
        {
            ThreadCache* cache = heap.Registry[i];
            TakenSlots taken = default;
            cache->Lock.Enter();
            Span* span = ThreadCache.Bin(cache, sizeClass)->Head;
            if (span != null)
            {
                heap.Scavenger.Take(cache, span, ref taken);
            }

            cache->Lock.Exit();
            if (span != null)
            {
                ThreadCache* owner = ThreadCache.Of(span->Owner);
                InterleavingPoints.At(InterleavingPoint.SlotsTaken);
                taken.Discard(heap.Discards);
                InterleavingPoints.At(InterleavingPoint.SlotsDiscarded);
                owner->Lock.Enter();
                spanReturn.GiveBackScavenged(owner, span, TakenSlots.Words(ref taken));
                owner->Lock.Exit();
                return;
            }
        }
    }
}
