using SpanHeap.Pages;
using SpanHeap.Traced.Layouts;
using SpanHeap.Traced.Spans;

namespace SpanHeap.Traced.Marking;

/// <summary>
/// The blocks that the last collection has reached. Sweeping leaves them marked for the next one, if the heap has minor collections: a minor collection
/// adds to the marks and looks into none of these blocks, except where a reference has been stored since. (The sticky mark bits of Demers and others.)
/// </summary>
/// <param name="pages">The heap's pages.</param>
/// <param name="cards">Say where references were stored since; null without minor collections.</param>
/// <remarks>Used by the collecting thread, while the gate is closed and everything is swept.</remarks>
internal sealed unsafe class OldBlocks(PageHeap pages, CardTable? cards)
{
    /// <summary>Whether the marks and cards of the heap are what the last collection and the stores since have made them.</summary>
    public bool AreKnown { get; private set; }

    /// <summary>The bytes of the slots of these blocks.</summary>
    public long Bytes { get; private set; }

    /// <summary>Notes that a collection has marked so many bytes, which are old from now on.</summary>
    public void Note(long bytes)
    {
        for (int index = 0; cards != null && pages.TryGetArena(index, out nint arena); index++)
        {
            cards.OfArena(arena).Clear();
        }

        AreKnown = cards != null;
        Bytes = bytes;
    }

    /// <summary>Notes that a marking has failed, and left no marks or not all.</summary>
    public void Lose() => AreKnown = false;

    /// <summary>Gives a marker the references that were stored into old blocks.</summary>
    public void VisitChanged(Marker marker, uint bitmap) => CardScan.VisitAll(pages, cards!, marker, bitmap);

    /// <summary>Makes all blocks young: a marking begins that is to find all that lives.</summary>
    /// <param name="bitmap">The bitmap that gets its marks.</param>
    public void Forget(uint bitmap)
    {
        AreKnown = false;
        if (cards == null)
        {
            return;
        }

        TracedWalk walk = new(pages);
        while (walk.MoveNext())
        {
            TracedSpan* span = walk.Current;

            // A mark session has marked collectable blocks already, and sweeping keeps no marks of them.
            if (SpanClasses.Info(span->SpanClass)->Form != TracedForm.Collectable)
            {
                TracedSlots.Clear(span, bitmap);
            }
        }
    }
}
