using System.Runtime.CompilerServices;
using SpanHeap.Pages;
using SpanHeap.Spans;
using SpanHeap.Traced.Layouts;

namespace SpanHeap.Traced.Spans;

/// <summary>
/// The bits of traced blocks, in three bitmaps. Each has a bit for every 16 bytes of a page, of which a block uses the one for its first byte. In one
/// bitmap it says that the block is allocated, in another that marking has reached it; these two swap roles with each sweep of the span. In the third
/// it says that the block waits to be looked into by a marker, so that bitmap is zero except while marking. After it comes a byte for each page.
/// </summary>
/// <remarks>
/// A page has 64 bytes in each bitmap, which is a cache line: the bits of one span share no byte with another's or with anything else, and two
/// shifts find them. All bits and bytes of pages outside of traced spans are zero.
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

    /// <summary>The number of the bitmap of blocks that marking has reached and not looked into. Only markers use it.</summary>
    public const uint Waiting = 2;

    /// <summary>The number of all bitmaps.</summary>
    public const uint Count = 3;

    private const int BitsPerWord = 64;
    private const int WordShift = GranuleShift + 6;

    /// <summary>The bytes of one bitmap of an arena; the next follows it.</summary>
    public static nint BitmapBytes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => PageGeometry.ArenaSize >> (WordShift - 3);
    }

    /// <summary>The bytes of all bitmaps of an arena, and of the bytes for its pages that follow them.</summary>
    public static nint AllBytes => PageGeometry.ArenaSize / PageGeometry.PageSize * ArenaHeader.TracedBytesPerPage;

    /// <summary>Gets the word of a bitmap (0 to 2) that has an address's bit.</summary>
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

    /// <summary>
    /// Gets the byte of a page that is 1 from when a marker queues it until one has looked at it, and otherwise 0. Only markers use it; it changes by
    /// interlocked operations when there are several.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static byte* QueuedOf(nint page) =>
        (byte*)(ArenaHeader.ArenaOf(page) + ArenaHeader.TracedBitmaps + ((nint)Count * BitmapBytes))
        + ((page & (PageGeometry.ArenaSize - 1)) >> PageGeometry.PageShift);

    /// <summary>Gets the words of a bitmap for the page that begins at an address.</summary>
    public static Span<ulong> OfPage(nint page, uint bitmap) => new(WordOf(page, bitmap), WordsPerPage);
}
