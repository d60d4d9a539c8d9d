using SpanHeap.Heap;
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
            nint from = run.Address;
            if (heap.Scavenging.TakeForScavenge(ref from, agedOnly: false, out PageRun taken) && taken.Pages > 0)
            {
                heap.Scavenging.FinishScavenge(taken, discarded: true, zero: true);
            }
        }
    }

    private static bool TryFind(HeapCore heap, out PageRun run)
    {
        nint from = 0;
        bool found = heap.Scavenging.TakeForScavenge(ref from, agedOnly: false, out run) && run.Pages > 0;
        if (found)
        {
            heap.Scavenging.ReturnUntouched(run);
        }

        return found;
    }
}
