using SpanHeap.Heap;
using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Tests.Interleaving.Mutants;

/// <summary>Takes pages under a heap's limit, each method with one step done wrongly.</summary>
internal static class MutantLimit
{
    /// <summary>
    /// Asks the limit again after it has refused, and outside of its lock: what says yes then is taken for a lack of free pages, and the heap
    /// grows.
    /// </summary>
    public static PageRun TakeAskingAgain(HeapCore heap, int pages)
    {
        while (true)
        {
            if (heap.Limit.TryAllocate(pages, 1, 0, out PageRun run) == PageRefusal.None)
            {
                return run;
            }

            InterleavingPoints.Spin(InterleavingPoint.PagesRefused);
            if (heap.Limit.IsWithinLimit(pages))
            {
                // More than any arena has free: one is added.
                heap.Arenas.TryGrow(heap.Pages.Geometry.MaxRun + 1, 1);
            }
        }
    }

    /// <summary>Looks at the limit, and takes pages in another step.</summary>
    public static PageRun TakeAfterLook(HeapCore heap, int pages)
    {
        while (true)
        {
            bool within = heap.Limit.IsWithinLimit(pages);
            InterleavingPoints.Spin(InterleavingPoint.PagesRefused);
            if (within && heap.Pages.TryAllocate(pages, 1, 0, out PageRun run))
            {
                return run;
            }
        }
    }
}
