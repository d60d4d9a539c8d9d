using System.Runtime.CompilerServices;
using SpanHeap.Os;
using SpanHeap.Pages;

namespace SpanHeap.Spans;

/// <summary>What an arena says of itself, in the place of the span that its own first page would have.</summary>
internal struct ArenaDescriptor
{
    /// <summary>Serial number of the heap whose arena this is. Written before the arena is published, constant while it is.</summary>
    public ulong HeapSerial;
}

/// <summary>
/// Where an arena's metadata lies: computed, never looked up. First an entry per page, then 64 bytes per page for the span that may
/// begin there, then 128 bytes per page for alloc bits (8192 / 8 bits), then, in a heap with full checks, the same for live bits.
/// </summary>
/// <remarks>A span of several pages has the bits of all of them in one row.</remarks>
internal static unsafe class ArenaHeader
{
    private const int EntryBytes = sizeof(uint);
    private const int SpanShift = 6;
    private const int BitsShift = 7;

    public static nint Spans
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => (PageGeometry.ArenaSize >> PageGeometry.PageShift) * EntryBytes;
    }

    private static nint Bits
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Spans + (PageGeometry.ArenaSize >> (PageGeometry.PageShift - SpanShift));
    }

    private static nint BitsBytes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => PageGeometry.ArenaSize >> (PageGeometry.PageShift - BitsShift);
    }

    /// <summary>Bytes of the header, a multiple of a page.</summary>
    public static nint Bytes(bool withLiveBits)
    {
        nint bytes = Bits + (withLiveBits ? 2 : 1) * BitsBytes;
        return (bytes + PageGeometry.PageSize - 1) & -PageGeometry.PageSize;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static nint ArenaOf(nint address) => address & -PageGeometry.ArenaSize;

    /// <summary>The page entry of an address in an arena.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint* EntryOf(nint address) =>
        (uint*)(ArenaOf(address) + (((address & (PageGeometry.ArenaSize - 1)) >> PageGeometry.PageShift) * EntryBytes));

    /// <summary>The span that begins on the page of an address.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Span* SpanAt(nint firstPage) =>
        (Span*)(ArenaOf(firstPage) + Spans + (((firstPage & (PageGeometry.ArenaSize - 1)) >> PageGeometry.PageShift) << SpanShift));

    /// <summary>The span of an address whose page entry is of blocks or inside one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Span* SpanOf(nint address, uint entry) =>
        SpanAt(address - ((nint)PageEntry.PagesFromFirst(entry) << PageGeometry.PageShift));

    /// <summary>The span that begins on a page of an arena.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Span* SpanOfPage(nint arena, nuint page) => (Span*)(arena + Spans + (nint)(page << SpanShift));

    /// <summary>The alloc bits of the span that begins on a page of an arena.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong* AllocBitsOfPage(nint arena, nuint page) => (ulong*)(arena + Bits + (nint)(page << BitsShift));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong* AllocBits(Span* span) => BitsOf(span, Bits);

    public static ulong* LiveBits(Span* span) => BitsOf(span, Bits + BitsBytes);

    public static ArenaDescriptor* Descriptor(nint arena) => (ArenaDescriptor*)(arena + Spans);

    /// <summary>
    /// Gives back the metadata of an arena that is wholly free, and whose pages the caller has taken for himself: entries and spans of
    /// free pages read as zero anyway, bits are written before they are used. The pages of entries and of the descriptor stay.
    /// </summary>
    public static bool Discard(OsMemory os, nint arena, nint headerBytes)
    {
        nint systemPage = (nint)OsMemory.PageSize;
        nint start = (arena + Spans + sizeof(Span) + systemPage - 1) & -systemPage;
        nint end = (arena + headerBytes) & -systemPage;
        return OsMemory.DiscardedPagesAreZero && end > start && os.Discard(start, (nuint)(end - start));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong* BitsOf(Span* span, nint plane)
    {
        nint arena = ArenaOf((nint)span);
        nint page = ((nint)span - arena - Spans) >> SpanShift;
        return (ulong*)(arena + plane + (page << BitsShift));
    }
}
