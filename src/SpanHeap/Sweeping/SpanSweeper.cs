using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Sweeping;

/// <summary>
/// Sweeps one span: blocks that marking did not reach are free, by making the plane of marks the plane of allocated blocks. Touches no
/// block, and of the metadata only the span's own.
/// </summary>
/// <remarks>
/// The law is one: <b>nobody else can have the span before the last write to anything of it</b>. So there is one store of the
/// generation, by release, after all of that; and behind it one place where the span becomes somebody's, small or large, live or dead.
/// (Go issue 11617 was a sweeper that gave a large span back first and wrote its bits afterwards, over the new owner's.)
/// </remarks>
internal sealed unsafe class SpanSweeper(TracedSpanSource spans, DeadBlockPoison poison)
{
    /// <summary>Sweeps and publishes: to the set of its kind, or to the page heap when nothing in it lives.</summary>
    /// <returns>Pages given back.</returns>
    public int Sweep(scoped in SweepToken token, ref SweepTally tally)
    {
        TracedSpan* span = token.Span;
        Finish(token, ref tally);
        if (span->Allocated == 0)
        {
            return Release(span, ref tally);
        }

        spans.SetOf(span->Kind)->AddSwept(span, token.Generation);
        InterleavingPoints.At(InterleavingPoint.SpanPublished);
        return 0;
    }

    /// <summary>Sweeps for the caller, whose the span is afterwards, swept and in no set.</summary>
    /// <returns>False when the span is nobody's any more: the slot of a guarded block that has died does not serve again before quarantine.</returns>
    public bool SweepAndKeep(scoped in SweepToken token, ref SweepTally tally)
    {
        TracedSpan* span = token.Span;
        Finish(token, ref tally);
        if (span->Allocated != 0 || !span->IsGuarded)
        {
            return true;
        }

        Release(span, ref tally);
        return false;
    }

    private int Release(TracedSpan* span, ref SweepTally tally)
    {
        tally.SpansReleased++;
        int pages = span->Span.Pages;
        spans.Release(span);
        InterleavingPoints.At(InterleavingPoint.SpanPublished);
        return pages;
    }

    private void Finish(scoped in SweepToken token, ref SweepTally tally)
    {
        TracedSpan* span = token.Span;
        uint generation = token.Generation;
        SweepFault.ThrowUnless(
            span->Span.State == SpanState.Traced && SweepGeneration.Of(span) == SweepGeneration.BeingSwept(generation), span, generation, "is being swept");
        tally.Spans++;
        tally.Pages += span->Span.Pages;

        // Marks were made in the plane that is the alloc plane of spans of the new generation.
        uint marks = SweepGeneration.AllocPlane(generation);
        uint before = SweepGeneration.MarkPlane(generation);
        poison.Apply(span, marks, before);
        int live = TracedSlots.Count(span, marks);
        int freed = span->Allocated - live;
        SweepFault.ThrowUnless(freed >= 0, span, generation, "has no more blocks marked than were allocated");

        TracedSlots.Clear(span, before);
        InterleavingPoints.At(InterleavingPoint.SweepClearedBits);
        span->Allocated = live;
        if (freed > 0)
        {
            tally.NoteFreed(span->Span.SizeClass == SizeClasses.None, freed, freed * (long)span->Span.SlotSize);
        }

        // From here on the span is a swept one to whoever finds it.
        Volatile.Write(ref span->SweepGen, generation);
        InterleavingPoints.At(InterleavingPoint.SweepStoredGeneration);
    }
}
