using SpanHeap.Os;
using SpanHeap.Traced.Spans;
using SpanHeap.Traced.Sweeping;

namespace SpanHeap.Tests.Interleaving.Mutants;

/// <summary>
/// Sweeps one span in the order that Go issue 11617 is about: what nothing lives in goes back first, and is written to afterwards. Like
/// <see cref="SpanSweeper"/> in all but that.
/// </summary>
internal sealed unsafe class MutantSpanSweeper(TracedSpanSource spans)
{
    public void Sweep(scoped in SweepToken token)
    {
        TracedSpan* span = token.Span;
        uint generation = token.Generation;
        int live = TracedSlots.Count(span, SweepGeneration.AllocBitmap(generation));
        if (live == 0)
        {
            spans.Release(span);
            InterleavingPoints.At(InterleavingPoint.SpanPublished);
            Finish(span, generation, live);
            return;
        }

        Finish(span, generation, live);
        spans.SetOf(span->SpanClass)->AddSwept(span, generation);
        InterleavingPoints.At(InterleavingPoint.SpanPublished);
    }

    private static void Finish(TracedSpan* span, uint generation, int live)
    {
        TracedSlots.Clear(span, SweepGeneration.MarkBitmap(generation));
        InterleavingPoints.At(InterleavingPoint.SweepClearedBits);
        span->Allocated = live;
        Volatile.Write(ref span->SweepGen, generation);
        InterleavingPoints.At(InterleavingPoint.SweepStoredGeneration);
    }
}
