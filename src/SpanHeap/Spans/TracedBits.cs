using System.Runtime.CompilerServices;
using SpanHeap.Pages;

namespace SpanHeap.Spans;

/// <summary>
/// The bits of traced blocks: two planes, each with a bit for every 16 bytes of a page, of which a block uses that of its first byte.
/// In one plane it says that the block is allocated, in the other that marking has reached it; which is which changes with each sweep
/// of the span.
/// </summary>
/// <remarks>
/// A page has 64 bytes in each plane, a line of the cache: the bits of one span share no byte with another's, nor with anything else,
/// and two shifts find them. All bits of pages that are not of a traced span are zero.
/// </remarks>
internal static unsafe class TracedBits
{
    /// <summary>Bytes that a bit stands for; traced blocks begin at multiples of it.</summary>
    public const int Granule = 1 << GranuleShift;

    public const int GranuleShift = 4;

    /// <summary>Words of one plane that belong to a page.</summary>
    public const int WordsPerPage = PageGeometry.PageSize / Granule / BitsPerWord;

    /// <summary>Bytes of both planes that belong to a page.</summary>
    public const int BytesPerPage = 2 * WordsPerPage * sizeof(ulong);

    /// <summary>Bytes of memory that a word stands for.</summary>
    public const int BytesPerWord = 1 << WordShift;

    private const int BitsPerWord = 64;
    private const int WordShift = GranuleShift + 6;

    private static nint PlaneBytes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => PageGeometry.ArenaSize >> (WordShift - 3);
    }

    /// <summary>The word of a plane (0 or 1) that has an address's bit.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong* WordOf(nint address, uint plane)
    {
        nint arena = ArenaHeader.ArenaOf(address);
        nint word = (address & (PageGeometry.ArenaSize - 1)) >> WordShift;
        return (ulong*)(arena + ArenaHeader.TracedPlanes + ((nint)plane * PlaneBytes)) + word;
    }

    /// <summary>The address's bit in that word.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong BitOf(nint address) => 1UL << (int)(address >> GranuleShift);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsSet(nint address, uint plane) => (*WordOf(address, plane) & BitOf(address)) != 0;

    /// <summary>The words of a plane of the page that begins at an address.</summary>
    public static Span<ulong> OfPage(nint page, uint plane) => new(WordOf(page, plane), WordsPerPage);
}
