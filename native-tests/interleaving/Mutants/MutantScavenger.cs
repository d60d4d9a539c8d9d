using SpanHeap.Caches;
using SpanHeap.Os;
using SpanHeap.Pages;

namespace SpanHeap.Tests.Interleaving.Mutants;

/// <summary>Gives free pages back to the system as <see cref="MaintenanceRound"/> does, each method with one step done wrongly.</summary>
internal static class MutantScavenger
{
    /// <summary>Discards pages that it has found free and has not taken out.</summary>
    public static void DiscardWithoutTaking(HeapCore heap)
    {
        if (TryFind(heap, out PageRun run))
        {
            InterleavingPoints.At(InterleavingPoint.RunTaken);
            heap.Os.Discard(run.Address, run.Bytes);
        }
    }

    /// <summary>Takes pages out after it has discarded them, and puts them back as zero although they were allocated meanwhile.</summary>
    public static void TakeAfterDiscard(HeapCore heap)
    {
        if (TryFind(heap, out PageRun run))
        {
            heap.Os.Discard(run.Address, run.Bytes);
            InterleavingPoints.At(InterleavingPoint.RunDiscarded);
            if (heap.Pages.TakeForScavenge(run.Address, agedOnly: false, out PageRun taken))
            {
                heap.Pages.FinishScavenge(taken, discarded: true, zero: true);
            }
        }
    }

    private static bool TryFind(HeapCore heap, out PageRun run)
    {
        bool found = heap.Pages.TakeForScavenge(0, agedOnly: false, out run);
        if (found)
        {
            heap.Pages.FinishScavenge(run, discarded: false, zero: false);
        }

        return found;
    }
}
