using SpanHeap.Traced;
using SpanHeap.Traced.Marking;
using SpanHeap.Traced.Spans;

namespace SpanHeap.Tests.Traced.Sweeping;

/// <summary>Cycles of a heap that no other thread uses, step by step.</summary>
internal static class QuietCycle
{
    /// <summary>Marks and lets the generation grow, as a collection does, and wakes no thread: all that died is left to be swept.</summary>
    /// <param name="heap">The heap.</param>
    /// <param name="keepCaches">Whether caches keep what they have, and are stale; else they give it back before.</param>
    /// <param name="others">How many more count as sweeping, until they say that they have ended.</param>
    /// <returns>Bytes marked.</returns>
    public static long Mark(TracedParts heap, bool keepCaches = false, int others = 0)
    {
        heap.Flush.FlushStale();
        heap.Sweeper.Finish();
        if (!keepCaches)
        {
            heap.Flush.FlushAll();
        }

        using MarkTeam team = new(heap.Roots, heap.Core.Pages, heap.Core.Os, heap.Core.Metadata, maxThreads: 1);
        uint bitmap = SweepGeneration.MarkBitmap(heap.Sweeper.Generation);
        heap.Old.Forget(bitmap);
        long marked = team.Mark(bitmap, heap.Pacer.LiveBytes, changed: null);
        heap.Sweeper.Advance((keepCaches ? heap.Caches.CountUsed() : 0) + others);
        if (!keepCaches)
        {
            heap.Flush.Renew();
        }

        heap.Caches.ForgetTaken();
        heap.Pacer.BeginCycle(marked, marked);
        return marked;
    }
}
