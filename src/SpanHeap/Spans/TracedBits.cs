using System.Runtime.CompilerServices;
using SpanHeap.Pages;

namespace SpanHeap.Spans;

/// <summary>
/// The bits of traced blocks: two planes, each with a bit for every 16 bytes of a page, of which a block uses that of its first byte.
/// In one plane it says that the block is allocated, in the other that marking has reached it; which is which changes with each sweep
/// of the span.
/// </summary>
/// <remarks>
/// A page has 64 bytes in each plane, side by side: the bits of one span share no byte with another's, nor with anything else, and no
/// division finds them. All bits of pages that are not of a traced span are zero.
/// </remarks>
internal static unsafe class TracedBits
{
    /// <summary>Bytes that a bit stands for; traced blocks begin at multiples of it.</summary>
    public const int Granule = 1 << GranuleShift;

    public const int GranuleShift = 4;

    /// <summary>Words of one plane that belong to a page.</summary>
    public const int WordsPerPage = PageGeometry.PageSize / Granule / BitsPerWord;

    /// <summary>Bytes of both planes that belong to a page.</summary>
    public const int BytesPerPage = 2 * PlaneBytes;

    /// <summary>Bytes of memory that a word stands for.</summary>
    public const int BytesPerWord = Granule * BitsPerWord;

    private const int BitsPerWord = 64;
    private const int PlaneBytes = WordsPerPage * sizeof(ulong);

    /// <summary>The word of a plane (0 or 1) that has an address's bit.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong* WordOf(nint address, uint plane)
    {
        nint arena = ArenaHeader.ArenaOf(address);
        nint inArena = address - arena;
        nint page = inArena >> PageGeometry.PageShift;
        nint word = (inArena / BytesPerWord) & (WordsPerPage - 1);
        return (ulong*)(arena + ArenaHeader.TracedPlanes + (page * BytesPerPage) + ((nint)plane * PlaneBytes)) + word;
    }

    /// <summary>The address's bit in that word.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong BitOf(nint address) => 1UL << (int)(address >> GranuleShift);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsSet(nint address, uint plane) => (*WordOf(address, plane) & BitOf(address)) != 0;

    /// <summary>The words of a plane of the page that begins at an address.</summary>
    public static Span<ulong> OfPage(nint page, uint plane) => new(WordOf(page, plane), WordsPerPage);
}
