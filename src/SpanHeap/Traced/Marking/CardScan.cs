using System.Numerics;
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
    /// <summary>
    /// Gives a marker every reference that lies in a marked block where a card is set, and clears the cards. If marking fails after that, the next one
    /// must not be minor.
    /// </summary>
    /// <param name="walk">A walk over the heap's spans.</param>
    /// <param name="marker">The marker.</param>
    /// <param name="bitmap">The bitmap with the marks.</param>
    public static void VisitAll(TracedWalk walk, Marker marker, uint bitmap)
    {
        while (walk.MoveNext())
        {
            TracedSpan* span = walk.Current;
            SpanClassInfo* spanClass = SpanClasses.Info(span->SpanClass);
            for (int page = 0; page < span->Span.Pages; page++)
            {
                nint address = TracedSlots.PageAt(span, page);
                ulong* cards = TracedCards.OfPage(address);
                if (*cards != 0)
                {
                    VisitPage(span, spanClass, address, marker, bitmap);
                    *cards = 0;
                }
            }
        }
    }

    private static void VisitPage(TracedSpan* span, SpanClassInfo* spanClass, nint page, Marker marker, uint bitmap)
    {
        byte* cards = TracedCards.Of(page);
        for (int card = 0; card < TracedCards.PerPage; card++)
        {
            if (cards[card] != 0)
            {
                VisitCard(span, spanClass, page + (card * TracedCards.BytesPerCard), marker, bitmap);
            }
        }
    }

    // The bits of a card are one word. A block that begins before the card may reach into it.
    private static void VisitCard(TracedSpan* span, SpanClassInfo* spanClass, nint card, Marker marker, uint bitmap)
    {
        nint before = TracedSlots.StartOf(span, card);
        if (before != 0 && before != card && TracedBits.IsSet(before, bitmap))
        {
            VisitPart(before, spanClass, card, marker);
        }

        for (ulong bits = *TracedBits.WordOf(card, bitmap); bits != 0; bits &= bits - 1)
        {
            VisitPart(card + (BitOperations.TrailingZeroCount(bits) * TracedBits.Granule), spanClass, card, marker);
        }
    }

    // Visits the references that a block has in a card.
    private static void VisitPart(nint block, SpanClassInfo* spanClass, nint card, Marker marker)
    {
        nint end = card + TracedCards.BytesPerCard;
        switch (spanClass->Form)
        {
            case TracedForm.Fields:
                VisitFields(block, spanClass, card, end, marker);
                break;
            case TracedForm.References:
                nint first = block + SpanClassInfo.ArrayHeaderBytes;
                VisitReferences(Math.Max(first, card), Math.Min(first + ((nint)(*(long*)block) * sizeof(nint)), end), marker);
                break;
            case TracedForm.Elements:
                VisitElements(block, spanClass, card, end, marker);
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
