namespace SpanHeap;

/// <summary>Figures of one size class.</summary>
/// <param name="SizeClass">Its number; 0 for blocks of whole pages without a class.</param>
/// <param name="BlockSize">Bytes of a block; 0 for class 0, where they differ.</param>
/// <param name="LiveBlocks">Blocks in the hands of the program.</param>
/// <param name="LiveBytes">Bytes of those, rounded up to what each may use.</param>
/// <param name="CachedBlocks">Free blocks kept by caches for reuse.</param>
/// <param name="CachedBytes">Bytes of those.</param>
/// <param name="FreeSlots">Slots of spans that no cache has taken out.</param>
/// <param name="Spans">Spans of the class.</param>
/// <param name="Pages">Pages of those.</param>
public readonly record struct SizeClassStatistics(
    int SizeClass, long BlockSize, long LiveBlocks, long LiveBytes, long CachedBlocks, long CachedBytes, long FreeSlots, long Spans, long Pages);

/// <summary>How often a heap called the system.</summary>
/// <param name="Total">All calls.</param>
/// <param name="Reserve">Requests for arenas.</param>
/// <param name="Release">Blocks given back: arenas, huge blocks, records.</param>
/// <param name="Metadata">Requests for memory for the heap's own records.</param>
/// <param name="Huge">Requests for huge blocks.</param>
/// <param name="Discard">Calls that gave pages back.</param>
/// <param name="Failed">Calls that the system refused.</param>
public readonly record struct OsCallCounts(long Total, long Reserve, long Release, long Metadata, long Huge, long Discard, long Failed);

/// <summary>
/// A snapshot of a heap's figures: exact while no other thread uses the heap, close otherwise.
/// </summary>
/// <remarks>
/// These hold: the totals are the sums over <see cref="SizeClasses"/> and, for live blocks and bytes, huge and guarded blocks;
/// <see cref="PagesInUse"/> is the sum of the classes' pages, <see cref="TracedPages"/> and those of <see cref="Guard"/>; <see cref="PagesInUse"/> + <see cref="PagesFree"/> +
/// <see cref="PagesGivenBack"/> + the arenas' header pages are all pages of all arenas.
/// </remarks>
public sealed class HeapStatistics
{
    /// <summary>The heap's name.</summary>
    public required string Name { get; init; }

    /// <summary>Figures by size class, those without a span left out.</summary>
    public required IReadOnlyList<SizeClassStatistics> SizeClasses { get; init; }

    /// <summary>Blocks in the hands of the program.</summary>
    public required long LiveBlocks { get; init; }

    /// <summary>Bytes of those, rounded up to what each may use.</summary>
    public required long LiveBytes { get; init; }

    /// <summary>Free blocks kept by caches for reuse.</summary>
    public required long CachedBlocks { get; init; }

    /// <summary>Bytes of those.</summary>
    public required long CachedBytes { get; init; }

    /// <summary>Blocks in the hands of the program that are too large, or too widely aligned, for an arena, and not guarded.</summary>
    public required long HugeBlocks { get; init; }

    /// <summary>Bytes of those.</summary>
    public required long HugeBytes { get; init; }

    /// <summary>Freed blocks too large for an arena that stay mapped for reuse; <see cref="CachedBlocks"/> leaves them out.</summary>
    public long CachedHugeBlocks { get; init; }

    /// <summary>Bytes of <see cref="CachedHugeBlocks"/>, which count towards the heap's memory limit.</summary>
    public long CachedHugeBytes { get; init; }

    /// <summary>Spans in use.</summary>
    public required long Spans { get; init; }

    /// <summary>Bytes of a page.</summary>
    public required long PageSize { get; init; }

    /// <summary>Pages of spans.</summary>
    public required long PagesInUse { get; init; }

    /// <summary>Spans of traced blocks among those in use.</summary>
    public required long TracedSpans { get; init; }

    /// <summary>Their pages, among those in use.</summary>
    public required long TracedPages { get; init; }

    /// <summary>Guarded blocks; all zero in a heap that has none.</summary>
    public required GuardStatistics Guard { get; init; }

    /// <summary>Free pages still backed by memory.</summary>
    public required long PagesFree { get; init; }

    /// <summary>Free pages that are not: given back, or never touched.</summary>
    public required long PagesGivenBack { get; init; }

    /// <summary>Arenas.</summary>
    public required long Arenas { get; init; }

    /// <summary>Address space of arenas, and what aligning them took.</summary>
    public required long ReservedBytes { get; init; }

    /// <summary>Bytes of records: the arenas' headers as far as pages in use need them, and what lies elsewhere.</summary>
    public required long MetadataBytes { get; init; }

    /// <summary>Bytes that are backed by memory as far as the heap knows: pages in use and free, records, huge blocks and those of them that are kept for reuse.</summary>
    public long ResidentBytes => ((PagesInUse + PagesFree) * PageSize) + MetadataBytes + HugeBytes + CachedHugeBytes + Guard.HugeBytes;

    /// <summary>Caches of threads that live, or have not been found dead.</summary>
    public required int ThreadCaches { get; init; }

    /// <summary>Caches of dead threads that wait for a new one.</summary>
    public required int OrphanCaches { get; init; }

    /// <summary>How often a new thread took over a dead one's cache.</summary>
    public required long AdoptedCaches { get; init; }

    /// <summary>Magazines (1 KiB each) that exist.</summary>
    public required int Magazines { get; init; }

    /// <summary>Bad pointers found late.</summary>
    public required long MisuseCount { get; init; }

    /// <summary>Calls to the system.</summary>
    public required OsCallCounts OsCalls { get; init; }
}
