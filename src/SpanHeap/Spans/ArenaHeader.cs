using System.Runtime.CompilerServices;
using SpanHeap.Os;
using SpanHeap.Pages;

namespace SpanHeap.Spans;

/// <summary>What an arena says of itself, in the place of the span that its own first page would have.</summary>
internal struct ArenaDescriptor
{
    /// <summary>Serial number of the heap whose arena this is. Written before the arena is published, constant while it is.</summary>
    public ulong HeapSerial;

    /// <summary>Whether that heap has full checks. As constant.</summary>
    public bool IsChecked;

    /// <summary>
    /// One past the arena's last byte. What lies between here and the next multiple of an arena's size may be anybody's, and page entries
    /// for it are never used. By the thread that grows the heap, which publishes entries behind the old end only after it has moved.
    /// </summary>
    public nint End;
}

/// <summary>
/// Where an arena's metadata lies: computed, never looked up. First an entry per page; then 128 bytes per page, of which those of a
/// span's first page are the span and all that follow, to the span's end, its alloc bits; then, in a heap with full checks, live bits,
/// 128 bytes per page; then, in a traced heap, the planes of traced blocks, as many.
/// </summary>
/// <remarks>A span and its first bits are neighbours: who returns a block needs both.</remarks>
internal static unsafe class ArenaHeader
{
    /// <summary>A page's record has two to the power of this many bytes.</summary>
    public const byte RecordShift = 7;

    private const int EntryBytes = sizeof(uint);
    private const int LiveBitsShift = 7;
    private const int RecordBytes = 1 << RecordShift;

    public static nint Records
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => (PageGeometry.ArenaSize >> PageGeometry.PageShift) * EntryBytes;
    }

    private static nint LiveBitsPlane
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Records + (PageGeometry.ArenaSize >> (PageGeometry.PageShift - RecordShift));
    }

    /// <summary>Where the planes of traced blocks lie, whether there are live bits before them or not.</summary>
    public static nint TracedPlanes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => LiveBitsPlane + (PageGeometry.ArenaSize >> (PageGeometry.PageShift - LiveBitsShift));
    }

    /// <summary>Bytes of the header, a multiple of a page.</summary>
    public static nint Bytes(bool withLiveBits, bool withTracedPlanes)
    {
        nint pages = PageGeometry.ArenaSize >> PageGeometry.PageShift;
        nint end = withTracedPlanes ? TracedPlanes + (pages * TracedBits.BytesPerPage) : withLiveBits ? TracedPlanes : LiveBitsPlane;
        return (end + PageGeometry.PageSize - 1) & -PageGeometry.PageSize;
    }

    /// <summary>How many slots a span of so many pages has alloc bits for.</summary>
    public static int BitsOfSpan(int pages) => ((pages * RecordBytes) - sizeof(Span)) * 8;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static nint ArenaOf(nint address) => address & -PageGeometry.ArenaSize;

    /// <summary>The page entry of an address in an arena.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint* EntryOf(nint address) =>
        (uint*)(ArenaOf(address) + (((address & (PageGeometry.ArenaSize - 1)) >> PageGeometry.PageShift) * EntryBytes));

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

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong* AllocBits(Span* span) => (ulong*)(span + 1);

    public static ulong* LiveBits(Span* span) => (ulong*)(ArenaOf((nint)span) + LiveBitsPlane + (PageNumberOf(span) << LiveBitsShift));

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
