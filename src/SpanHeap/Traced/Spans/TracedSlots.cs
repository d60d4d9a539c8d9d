using System.Numerics;
using System.Runtime.CompilerServices;
using SpanHeap.Pages;

namespace SpanHeap.Traced.Spans;

/// <summary>Where the slots of a traced span begin, as bits.</summary>
internal static unsafe class TracedSlots
{
    /// <summary>The number of words that a span's pages have in one bitmap.</summary>
    public static int Words(TracedSpan* span) => span->Span.Pages * TracedBits.WordsPerPage;

    /// <summary>The address of a page of a span.</summary>
    public static nint PageAt(TracedSpan* span, int page) => span->Span.Base + ((nint)page << PageGeometry.PageShift);

    /// <summary>The first address that a span's word stands for.</summary>
    public static nint AddressOf(TracedSpan* span, int word) => span->Span.Base + ((nint)word * TracedBits.BytesPerWord);

    /// <summary>The address that the lowest set bit of a span's word stands for.</summary>
    public static nint AddressOf(TracedSpan* span, int word, ulong bits) =>
        AddressOf(span, word) + (BitOperations.TrailingZeroCount(bits) * TracedBits.Granule);

    /// <summary>Gets a word of a span in a bitmap.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong* Word(TracedSpan* span, int word, uint bitmap) => TracedBits.WordOf(AddressOf(span, word), bitmap);

    /// <summary>The bits of a span's word at which slots begin.</summary>
    public static ulong Starts(TracedSpan* span, int word)
    {
        int granules = (int)(span->Span.SlotSize / TracedBits.Granule);
        int first = word * 64;
        int end = span->Span.Slots * granules;
        if (span->Span.Slots == 1)
        {
            return word == 0 ? 1UL : 0;
        }

        // The first start at or after the word's first granule.
        int phase = (granules - (first % granules)) % granules;
        ulong starts = phase < 64 ? Every(granules) << phase : 0;
        int left = end - first;
        return left >= 64 ? starts : left <= 0 ? 0 : starts & ((1UL << left) - 1);
    }

    /// <summary>Counts the bits of a bitmap that are set in a span.</summary>
    public static int Count(TracedSpan* span, uint bitmap)
    {
        int sum = 0;
        for (int page = 0; page < PagesWithBits(span); page++)
        {
            foreach (ulong word in TracedBits.OfPage(PageAt(span, page), bitmap))
            {
                sum += BitOperations.PopCount(word);
            }
        }

        return sum;
    }

    /// <summary>Copies the bits of a span from one bitmap to the other.</summary>
    public static void Copy(TracedSpan* span, uint from, uint to)
    {
        for (int page = 0; page < PagesWithBits(span); page++)
        {
            nint address = PageAt(span, page);
            TracedBits.OfPage(address, from).CopyTo(TracedBits.OfPage(address, to));
        }
    }

    /// <summary>Clears all bits of a span in a bitmap.</summary>
    public static void Clear(TracedSpan* span, uint bitmap)
    {
        for (int page = 0; page < PagesWithBits(span); page++)
        {
            TracedBits.OfPage(PageAt(span, page), bitmap).Clear();
        }
    }

    /// <summary>The start of the slot that an address of the span lies in; 0 after the last slot.</summary>
    public static nint StartOf(TracedSpan* span, nint address)
    {
        nuint slot = (nuint)(address - span->Span.Base) / span->Span.SlotSize;
        return slot < (nuint)span->Span.Slots ? span->Span.Base + (nint)(slot * span->Span.SlotSize) : 0;
    }

    /// <summary>The number of pages of a span in which blocks begin: a large block has a single bit, for its first byte.</summary>
    public static int PagesWithBits(TracedSpan* span) => span->Span.Slots == 1 ? 1 : span->Span.Pages;

    // Bits 0, n, 2n, ...
    private static ulong Every(int n)
    {
        ulong bits = 1;
        for (int shift = n; shift < 64; shift *= 2)
        {
            bits |= bits << shift;
        }

        return bits;
    }
}
