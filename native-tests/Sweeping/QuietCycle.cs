using SpanHeap.Sweeping;
using SpanHeap.Tracing;

namespace SpanHeap.Tests.Sweeping;

/// <summary>Cycles of a heap that nobody else uses, step by step.</summary>
internal static unsafe class QuietCycle
{
    /// <summary>Marks and lets the generation grow, as a collection does, and wakes nobody: all that died is left to be swept.</summary>
    /// <param name="heap">The heap.</param>
    /// <param name="keepCaches">Whether caches keep what they have, and are stale; else they give it back before.</param>
    /// <param name="others">How many more count as sweeping, until they say that they have ended.</param>
    /// <returns>Bytes marked.</returns>
    public static long Mark(TracedHeap heap, bool keepCaches = false, int others = 0)
    {
        heap.Caches.ForEach(&FlushStale, heap);
        heap.Sweeper.Finish();
        if (!keepCaches)
        {
            heap.Caches.ForEach(&Flush, heap);
        }

        using MarkTeam team = new(heap.Core.Os, heap.Core.Metadata, maxThreads: 1);
        long marked = team.Mark(heap, SweepGeneration.MarkPlane(heap.Sweeper.Generation));
        heap.Sweeper.Advance((keepCaches ? heap.Caches.CountUsed() : 0) + others);
        if (!keepCaches)
        {
            heap.Caches.ForEach(&Renew, heap);
        }

        heap.Caches.ForgetTaken();
        heap.Pacer.BeginCycle(marked);
        return marked;
    }

    private static void FlushStale(TracedHeap heap, TracedCache* cache)
    {
        if (cache->Generation != heap.Sweeper.Generation)
        {
            heap.Flush(cache);
        }
    }

    private static void Flush(TracedHeap heap, TracedCache* cache) => heap.Flush(cache);

    private static void Renew(TracedHeap heap, TracedCache* cache) => cache->Generation = heap.Sweeper.Generation;
}
