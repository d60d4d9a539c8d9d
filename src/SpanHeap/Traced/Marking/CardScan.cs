using System.Numerics;
using SpanHeap.Pages;
using SpanHeap.Traced.Layouts;
using SpanHeap.Traced.Spans;

namespace SpanHeap.Traced.Marking;

/// <summary>Begins a minor marking with the blocks that references stored into old blocks name, besides those that roots name.</summary>
/// <remarks>
/// Used by the collecting thread while the gate is closed and everything is swept. Marked blocks are old; a block that a root has just reached may be
/// looked into here and again when its page's turn comes, which does no harm. No block of a heap with minor collections has a trace function.
/// </remarks>
internal static unsafe class CardScan
{
    /// <summary>Gives a marker every reference that lies in a marked block where a card is set.</summary>
    /// <param name="pages">The heap's pages.</param>
    /// <param name="cards">The heap's cards.</param>
    /// <param name="marker">The marker.</param>
    /// <param name="bitmap">The bitmap with the marks.</param>
    public static void VisitAll(PageHeap pages, CardTable cards, Marker marker, uint bitmap)
    {
        for (int index = 0; pages.TryGetArena(index, out nint arena); index++)
        {
            ReadOnlySpan<byte> ofArena = cards.OfArena(arena);
            int page = 0;
            for (int next; (next = ofArena[page..].IndexOfAnyExcept((byte)0)) >= 0; page += next + 1)
            {
                VisitPage(arena + ((nint)(page + next) << PageGeometry.PageShift), marker, bitmap);
            }
        }
    }

    // A card may be set of a page that is free by now, or that shares its card with a page elsewhere. A block that begins before the page may reach into it.
    private static void VisitPage(nint page, Marker marker, uint bitmap)
    {
        if (!TracedLookup.TryFindInArena(page, out TracedSpan* span, out nint before))
        {
            return;
        }

        SpanClassInfo* spanClass = SpanClasses.Info(span->SpanClass);
        if (before != page && TracedBits.IsSet(before, bitmap))
        {
            VisitPart(before, spanClass, page, marker);
        }

        for (int word = 0; word < TracedBits.WordsPerPage; word++)
        {
            nint first = page + (word * TracedBits.BytesPerWord);
            for (ulong bits = *TracedBits.WordOf(first, bitmap); bits != 0; bits &= bits - 1)
            {
                VisitPart(first + (BitOperations.TrailingZeroCount(bits) * TracedBits.Granule), spanClass, page, marker);
            }
        }
    }

    // Visits the references that a block has in a page.
    private static void VisitPart(nint block, SpanClassInfo* spanClass, nint page, Marker marker)
    {
        nint end = page + PageGeometry.PageSize;
        switch (spanClass->Form)
        {
            case TracedForm.Fields:
                VisitFields(block, spanClass, page, end, marker);
                break;
            case TracedForm.References:
                nint first = block + SpanClassInfo.ArrayHeaderBytes;
                VisitReferences(Math.Max(first, page), Math.Min(first + ((nint)(*(long*)block) * sizeof(nint)), end), marker);
                break;
            case TracedForm.Elements:
                VisitElements(block, spanClass, page, end, marker);
                break;
            case TracedForm.WeakEntries:
                // Arrays without a card have old keys and values alone, which stay marked.
                marker.VisitWeakArray(block);
                break;
        }
    }

    private static void VisitElements(nint block, SpanClassInfo* spanClass, nint from, nint end, Marker marker)
    {
        nint first = block + SpanClassInfo.ArrayHeaderBytes;
        nint elementBytes = (nint)spanClass->ElementBytes;
        long length = *(long*)block;
        for (long index = Math.Max(0, from - first) / elementBytes; index < length && first + ((nint)index * elementBytes) < end; index++)
        {
            VisitFields(first + ((nint)index * elementBytes), spanClass, from, end, marker);
        }
    }

    private static void VisitFields(nint start, SpanClassInfo* spanClass, nint from, nint end, Marker marker)
    {
        long last = Math.Min(spanClass->PatternWords, (end - start) / sizeof(nint));
        for (long word = Math.Max(0, from - start) / sizeof(nint); word < last; word++)
        {
            ulong pattern = word < SpanClassInfo.WordsInline ? spanClass->FirstPointers : spanClass->AllPointers[word / 64];
            if (((pattern >> (int)(word % 64)) & 1) != 0)
            {
                marker.Visit(((nint*)start)[word]);
            }
        }
    }

    private static void VisitReferences(nint from, nint end, Marker marker)
    {
        for (nint field = from; field < end; field += sizeof(nint))
        {
            marker.Visit(*(nint*)field);
        }
    }
}
