using System.Runtime.CompilerServices;
using SpanHeap.Os;
using SpanHeap.Pages;

namespace SpanHeap.Spans;

/// <summary>The description of an arena, in the place of the span that its own first page would have.</summary>
internal struct ArenaDescriptor
{
    /// <summary>The serial number of the heap to which the arena belongs. Written before the arena is published, constant while it is.</summary>
    public ulong HeapSerial;

    /// <summary>Whether that heap has full checks. Written and constant like <see cref="HeapSerial"/>.</summary>
    public bool IsChecked;

    /// <summary>
    /// The address of the cards of the heap's traced blocks; 0 if it has none. Written and constant like <see cref="HeapSerial"/>.
    /// </summary>
    public nint Cards;

    /// <summary>
    /// One past the arena's last byte. The addresses between here and the next multiple of an arena's size may belong to anything, and
    /// page entries for them are never used. Written by the thread that grows the heap, which publishes entries after the old end only once the
    /// end has moved.
    /// </summary>
    public nint End;
}

/// <summary>
/// Computes where an arena's metadata lies. First comes an entry per page; then 128 bytes per page, of which those of the
/// first page of a span hold the span, and all that follow, up to the end of the span, hold its alloc bits; then, in a heap with full checks, live bits,
/// 128 bytes per page; then, in a traced heap, the bitmaps of traced blocks, 193 bytes per page.
/// </summary>
/// <remarks>A span and its first bits are neighbors, because returning a block needs both.</remarks>
internal static unsafe class ArenaHeader
{
    /// <summary>A page's record has two to the power of this many bytes.</summary>
    public const byte RecordShift = 7;

    /// <summary>Bytes per page for traced blocks: three bitmaps and a byte, which are laid out by the code that uses them.</summary>
    public const int TracedBytesPerPage = (3 * 64) + 1;

    private const int EntryBytes = sizeof(uint);
    private const int LiveBitsShift = 7;
    private const int RecordBytes = 1 << RecordShift;

    public static nint Records
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => (PageGeometry.ArenaSize >> PageGeometry.PageShift) * EntryBytes;
    }

    private static nint LiveBitmap
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Records + (PageGeometry.ArenaSize >> (PageGeometry.PageShift - RecordShift));
    }

    /// <summary>Where the bitmaps of traced blocks lie, whether there are live bits before them or not.</summary>
    public static nint TracedBitmaps
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => LiveBitmap + (PageGeometry.ArenaSize >> (PageGeometry.PageShift - LiveBitsShift));
    }

    /// <summary>Computes the size of the header in bytes, a multiple of a page.</summary>
    public static nint Bytes(bool withLiveBits, bool withTracedBitmaps)
    {
        nint pages = PageGeometry.ArenaSize >> PageGeometry.PageShift;
        nint end = withTracedBitmaps ? TracedBitmaps + (pages * TracedBytesPerPage) : withLiveBits ? TracedBitmaps : LiveBitmap;
        return (end + PageGeometry.PageSize - 1) & -PageGeometry.PageSize;
    }

    /// <summary>Computes the number of slots for which a span of the given number of pages has alloc bits.</summary>
    public static int BitsOfSpan(int pages) => ((pages * RecordBytes) - sizeof(Span)) * 8;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static nint ArenaOf(nint address) => address & -PageGeometry.ArenaSize;

    /// <summary>The page entry of an address in an arena.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint* EntryOf(nint address) =>
        (uint*)(ArenaOf(address) + (((address & (PageGeometry.ArenaSize - 1)) >> PageGeometry.PageShift) * EntryBytes));

    /// <summary>The page entry of an address in an arena, which is a piece of the address space with a known number.</summary>
    /// <remarks>
    /// Pages are counted from address 0 here, and not from the start of the arena, which has to be subtracted otherwise. For each piece before the arena
    /// there are that many entries too many, so a piece counts as its size without the bytes of its entries.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint* EntryOf(nint address, nuint piece) =>
        (uint*)(piece * (nuint)(PageGeometry.ArenaSize - Records)) + ((nuint)address >> PageGeometry.PageShift);

    /// <summary>The span that begins on a page of an arena.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Span* SpanOfPage(nint arena, nuint page) => (Span*)(arena + Records + (nint)(page << RecordShift));

    /// <summary>The span that begins on the page of an address.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Span* SpanAt(nint firstPage) =>
        SpanOfPage(ArenaOf(firstPage), (nuint)(firstPage & (PageGeometry.ArenaSize - 1)) >> PageGeometry.PageShift);

    /// <summary>The span of an address whose page entry is of blocks or inside one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Span* SpanOf(nint address, uint entry) =>
        SpanAt(address - ((nint)PageEntry.PagesFromFirst(entry) << PageGeometry.PageShift));

    /// <summary>The first byte of the span of an address whose page entry is of blocks or inside one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static nint StartOfSpan(nint address, uint entry) =>
        (address & -PageGeometry.PageSize) - ((nint)PageEntry.PagesFromFirst(entry) << PageGeometry.PageShift);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong* AllocBits(Span* span) => (ulong*)(span + 1);

    public static ulong* LiveBits(Span* span) => (ulong*)(ArenaOf((nint)span) + LiveBitmap + (PageNumberOf(span) << LiveBitsShift));

    /// <summary>The address of the page that a span, or its record's place, begins with.</summary>
    public static nint FirstPageOf(Span* span) => ArenaOf((nint)span) + (PageNumberOf(span) << PageGeometry.PageShift);

    /// <summary>One past the last byte of the arena that begins at an address.</summary>
    public static nint EndOf(nint arena) => Volatile.Read(ref Descriptor(arena)->End);

    public static ArenaDescriptor* Descriptor(nint arena) => (ArenaDescriptor*)(arena + Records);

    /// <summary>
    /// Finds the whole pages of the system that hold nothing but records of free pages which the caller has taken: no entry names them, and
    /// a record is written before one does. So they can be given back, where they read as zero afterwards.
    /// </summary>
    /// <returns>Whether there are any.</returns>
    public static bool TryFindRecords(in PageRun run, out nint start, out nuint bytes)
    {
        nint systemPage = (nint)OsMemory.PageSize;
        start = ((nint)SpanAt(run.Address) + systemPage - 1) & -systemPage;
        nint end = ((nint)SpanAt(run.Address) + ((nint)run.Pages << RecordShift)) & -systemPage;
        bytes = end > start ? (nuint)(end - start) : 0;
        return OsMemory.DiscardedPagesAreZero && bytes > 0;
    }

    private static nint PageNumberOf(Span* span) => ((nint)span - ArenaOf((nint)span) - Records) >> RecordShift;
}
