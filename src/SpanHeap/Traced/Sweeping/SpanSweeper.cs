using SpanHeap.Os;
using SpanHeap.Spans;
using SpanHeap.Traced.Layouts;
using SpanHeap.Traced.Spans;

namespace SpanHeap.Traced.Sweeping;

/// <summary>
/// Sweeps one span: frees the blocks that marking did not reach, by making the bitmap of marks the bitmap of allocated blocks. It touches no block,
/// and no metadata but the span's own.
/// </summary>
/// <remarks>
/// There is one rule: <b>no other thread can get the span before the last write to anything of it</b>. So there is one store of the generation, by
/// release, after all writes; and after that, one place where the span gets an owner, small or large, live or dead. (In Go issue 11617, a sweeper
/// gave a large span back first and then wrote its bits, over the new owner's.)
/// </remarks>
/// <param name="spans">Takes pages back, and holds the sets.</param>
/// <param name="poison">Fills dead blocks.</param>
/// <param name="quarantine">Keeps spans in which blocks have died out of use for a while; null without full checks.</param>
/// <param name="keepsMarks">Whether what lives stays marked, for a minor collection.</param>
internal sealed unsafe class SpanSweeper(TracedSpanSource spans, DeadBlockPoison poison, DeadSpanQuarantine? quarantine, bool keepsMarks)
{
    /// <summary>
    /// Sweeps a span and publishes it: to quarantine if something in it has died, to the set of its span class, or to the page heap if nothing in it lives.
    /// </summary>
    /// <returns>The number of pages given back.</returns>
    public int Sweep(scoped in SweepToken token, ref SweepTally tally)
    {
        int freed = Finish(token, ref tally);
        return TryKeepBack(token.Span, token.Generation, freed)
            ? LetOverdueGo(token.Generation, ref tally)
            : Publish(token.Span, token.Generation, ref tally);
    }

    /// <summary>Sweeps a span for the caller. The span then belongs to the caller and is in no set.</summary>
    /// <returns>False if the span went to quarantine: the slot of a dead block is not reused before it was there.</returns>
    public bool SweepAndKeep(scoped in SweepToken token, ref SweepTally tally)
    {
        TracedSpan* span = token.Span;
        int freed = Finish(token, ref tally);
        if (TryKeepBack(span, token.Generation, freed))
        {
            LetOverdueGo(token.Generation, ref tally);
            return false;
        }

        if (span->Allocated != 0 || !span->IsGuarded)
        {
            return true;
        }

        Publish(span, token.Generation, ref tally);
        return false;
    }

    /// <summary>Releases all swept spans from quarantine. The caller is in a scope.</summary>
    /// <returns>Whether there was anything.</returns>
    public bool EmptyQuarantine(uint generation, ref SweepTally tally)
    {
        bool any = false;
        TracedSpan* span;
        while (quarantine != null && (span = quarantine.TakeSwept(generation)) != null)
        {
            any = true;
            quarantine.Check(span);
            Publish(span, generation, ref tally);
        }

        return any;
    }

    // A span that was in quarantine before stays there until the budget is needed for others. Guarded blocks have a quarantine of their own.
    private bool TryKeepBack(TracedSpan* span, uint generation, int freed) =>
        quarantine != null && (freed > 0 || span->KeptNumber != 0) && !span->IsGuarded && quarantine.TryKeep(span, generation);

    private int LetOverdueGo(uint generation, ref SweepTally tally)
    {
        int pages = 0;
        TracedSpan* span;
        while ((span = quarantine!.TakeOverdue()) != null)
        {
            if (span->Allocated != 0 && SweepToken.TryAcquire(span, generation, out SweepToken token))
            {
                Finish(token, ref tally);
            }

            quarantine.Check(span);
            pages += Publish(span, generation, ref tally);
        }

        return pages;
    }

    // The span is swept and belongs to the caller; here it gets a new owner or becomes free pages.
    private int Publish(TracedSpan* span, uint generation, ref SweepTally tally)
    {
        int pages = 0;
        if (span->Allocated != 0)
        {
            spans.SetOf(span->SpanClass)->AddSwept(span, generation);
        }
        else
        {
            tally.SpansReleased++;
            pages = span->Span.Pages;
            spans.Release(span);
        }

        InterleavingPoints.At(InterleavingPoint.SpanPublished);
        return pages;
    }

    // Returns the number of blocks that have died.
    private int Finish(scoped in SweepToken token, ref SweepTally tally)
    {
        TracedSpan* span = token.Span;
        uint generation = token.Generation;
        SweepFault.ThrowUnless(
            span->Span.State == SpanState.Traced && SweepGeneration.Of(span) == SweepGeneration.BeingSwept(generation), span, generation, "is being swept");
        tally.Spans++;
        tally.Pages += span->Span.Pages;

        // The marks are in the bitmap that is the alloc bitmap of spans of the new generation.
        uint marks = SweepGeneration.AllocBitmap(generation);
        uint before = SweepGeneration.MarkBitmap(generation);
        poison.Apply(span, marks, before);
        int live = TracedSlots.Count(span, marks);
        int freed = span->Allocated - live;
        SweepFault.ThrowUnless(freed >= 0, span, generation, "has no more blocks marked than were allocated");

        // The bitmap of the blocks before gets the next marks: none at first, or those of what lives, which is old from now on. Of a span in which nothing
        // lives it is zero either way.
        if (keepsMarks && SpanClasses.Info(span->SpanClass)->Form != TracedForm.Collectable)
        {
            TracedSlots.Copy(span, marks, before);
        }
        else
        {
            TracedSlots.Clear(span, before);
        }

        InterleavingPoints.At(InterleavingPoint.SweepClearedBits);
        span->Allocated = live;
        if (freed > 0)
        {
            tally.NoteFreed(span->Span.SizeClass == SizeClasses.None, freed, freed * (long)span->Span.SlotSize);
        }

        // From here on, any thread that finds the span sees it as swept.
        Volatile.Write(ref span->SweepGen, generation);
        InterleavingPoints.At(InterleavingPoint.SweepStoredGeneration);
        return freed;
    }
}
