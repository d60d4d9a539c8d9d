using System.Runtime.CompilerServices;
using SpanHeap.Pages;
using SpanHeap.Spans;
using SpanHeap.Traced.Layouts;

namespace SpanHeap.Traced.Spans;

/// <summary>
/// The bits of traced blocks, in two bitmaps. Each has a bit for every 16 bytes of a page, of which a block uses the one for its first byte. In one
/// bitmap it says that the block is allocated, in the other that marking has reached it; the bitmaps swap roles with each sweep of the span.
/// </summary>
/// <remarks>
/// A page has 64 bytes in each bitmap, which is a cache line: the bits of one span share no byte with another's or with anything else, and two
/// shifts find them. All bits of pages outside of traced spans are zero.
/// </remarks>
internal static unsafe class TracedBits
{
    /// <summary>The bytes that a bit stands for; traced blocks begin at multiples of it.</summary>
    public const int Granule = SpanClassInfo.Granule;

    public const int GranuleShift = SpanClassInfo.GranuleShift;

    /// <summary>The words of one bitmap that belong to a page.</summary>
    public const int WordsPerPage = PageGeometry.PageSize / Granule / BitsPerWord;

    /// <summary>The bytes of memory that a word stands for.</summary>
    public const int BytesPerWord = 1 << WordShift;

    private const int BitsPerWord = 64;
    private const int WordShift = GranuleShift + 6;

    /// <summary>The bytes of one bitmap of an arena; the other follows it.</summary>
    public static nint BitmapBytes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => PageGeometry.ArenaSize >> (WordShift - 3);
    }

    /// <summary>Gets the word of a bitmap (0 or 1) that has an address's bit.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong* WordOf(nint address, uint bitmap)
    {
        nint arena = ArenaHeader.ArenaOf(address);
        nint word = (address & (PageGeometry.ArenaSize - 1)) >> WordShift;
        return (ulong*)(arena + ArenaHeader.TracedBitmaps + ((nint)bitmap * BitmapBytes)) + word;
    }

    /// <summary>Gets the bit of an address in its word.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong BitOf(nint address) => 1UL << (int)(address >> GranuleShift);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsSet(nint address, uint bitmap) => (*WordOf(address, bitmap) & BitOf(address)) != 0;

    /// <summary>Gets the words of a bitmap for the page that begins at an address.</summary>
    public static Span<ulong> OfPage(nint page, uint bitmap) => new(WordOf(page, bitmap), WordsPerPage);
}
