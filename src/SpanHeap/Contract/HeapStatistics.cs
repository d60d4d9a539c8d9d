using SpanHeap.Contract;

namespace SpanHeap;

/// <summary>Provides the statistics of one size class.</summary>
/// <param name="SizeClass">The number of the size class; 0 for blocks of whole pages, which have none.</param>
/// <param name="BlockSize">The size of a block in bytes; 0 for class 0, whose blocks differ in size.</param>
/// <param name="LiveBlocks">The number of blocks of the class that the program holds.</param>
/// <param name="LiveBytes">The number of bytes in live blocks of the class, each rounded up to its usable size.</param>
/// <param name="CachedBlocks">The number of free blocks of the class that caches keep for reuse.</param>
/// <param name="CachedBytes">The number of bytes in the free blocks of the class that caches keep for reuse.</param>
/// <param name="FreeSlots">The number of slots in spans of the class that no cache has taken.</param>
/// <param name="Spans">The number of spans (runs of pages) that hold blocks of the class.</param>
/// <param name="Pages">The number of pages in spans of the class.</param>
public readonly record struct SizeClassStatistics(
    int SizeClass, long BlockSize, long LiveBlocks, long LiveBytes, long CachedBlocks, long CachedBytes, long FreeSlots, long Spans, long Pages);

/// <summary>Counts the calls that a heap made to the operating system.</summary>
/// <param name="Total">The number of all calls to the system.</param>
/// <param name="Reserve">The number of calls that requested arenas.</param>
/// <param name="Release">The number of calls that released arenas, huge blocks or records.</param>
/// <param name="Metadata">The number of calls that requested memory for the heap's own records.</param>
/// <param name="Huge">The number of calls that requested blocks too large for an arena.</param>
/// <param name="Discard">The number of calls that gave the memory of pages back and kept their addresses.</param>
/// <param name="Failed">The number of calls that the system refused.</param>
public readonly record struct OsCallCounts(long Total, long Reserve, long Release, long Metadata, long Huge, long Discard, long Failed);

/// <summary>Provides a snapshot of a heap's statistics. It is exact if no other thread used the heap meanwhile, and close otherwise.</summary>
/// <remarks>
/// The totals are the sums over <see cref="SizeClasses"/>, to which live blocks and bytes add huge and guarded blocks. <see cref="PagesInUse"/> is
/// the sum of the classes' pages, <see cref="TracedPages"/> and the pages of <see cref="Guard"/>. <see cref="PagesInUse"/> + <see cref="PagesFree"/>
/// + <see cref="PagesGivenBack"/> + the arenas' header pages are all pages of all arenas.
/// </remarks>
public sealed class HeapStatistics
{
    /// <summary>Gets the heap's name.</summary>
    public required string Name { get; init; }

    /// <summary>Gets the statistics of each size class that has at least one span.</summary>
    public required IReadOnlyList<SizeClassStatistics> SizeClasses { get; init; }

    /// <summary>Gets the number of blocks that the program holds.</summary>
    public required long LiveBlocks { get; init; }

    /// <summary>Gets the number of bytes in live blocks, each rounded up to its usable size.</summary>
    public required long LiveBytes { get; init; }

    /// <summary>Gets the number of free blocks that caches keep for reuse.</summary>
    public required long CachedBlocks { get; init; }

    /// <summary>Gets the number of bytes in the free blocks that caches keep for reuse.</summary>
    public required long CachedBytes { get; init; }

    /// <summary>Gets the number of live, unguarded blocks that are too large, or too widely aligned, for an arena.</summary>
    public required long HugeBlocks { get; init; }

    /// <summary>Gets the number of bytes in live, unguarded blocks that are too large, or too widely aligned, for an arena.</summary>
    public required long HugeBytes { get; init; }

    /// <summary>Gets the number of freed huge blocks that stay mapped for reuse. <see cref="CachedBlocks"/> does not include them.</summary>
    public long CachedHugeBlocks { get; init; }

    /// <summary>Gets the number of bytes in freed huge blocks that stay mapped for reuse. They count towards the heap's memory limit.</summary>
    public long CachedHugeBytes { get; init; }

    /// <summary>Gets the number of spans (runs of pages that hold blocks) in use.</summary>
    public required long Spans { get; init; }

    /// <summary>Gets the size of a page in bytes.</summary>
    public required long PageSize { get; init; }

    /// <summary>Gets the number of pages that belong to spans.</summary>
    public required long PagesInUse { get; init; }

    /// <summary>Gets the number of spans of traced blocks, which <see cref="Spans"/> includes.</summary>
    public required long TracedSpans { get; init; }

    /// <summary>Gets the number of pages in spans of traced blocks, which <see cref="PagesInUse"/> includes.</summary>
    public required long TracedPages { get; init; }

    /// <summary>Gets the statistics of guarded blocks; all are zero in a heap that guards none.</summary>
    public required GuardStatistics Guard { get; init; }

    /// <summary>Gets the number of free pages that memory still backs.</summary>
    public required long PagesFree { get; init; }

    /// <summary>Gets the number of free pages that no memory backs, because they were given back or never touched.</summary>
    public required long PagesGivenBack { get; init; }

    /// <summary>Gets the number of arenas (large address ranges that spans are taken from).</summary>
    public required long Arenas { get; init; }

    /// <summary>Gets the address space of the arenas in bytes, including what was needed to align them.</summary>
    public required long ReservedBytes { get; init; }

    /// <summary>
    /// Gets the number of bytes in the heap's records: the arenas' headers, as far as pages in use need them, and records elsewhere.
    /// </summary>
    public required long MetadataBytes { get; init; }

    /// <summary>
    /// Gets the number of bytes that, as far as the heap knows, memory backs: pages in use, free pages not given back, records, and huge blocks,
    /// those kept for reuse included.
    /// </summary>
    public long ResidentBytes => ((PagesInUse + PagesFree) * PageSize) + MetadataBytes + HugeBytes + CachedHugeBytes + Guard.HugeBytes;

    /// <summary>Gets the number of caches whose threads are alive or have not been found dead yet.</summary>
    public required int ThreadCaches { get; init; }

    /// <summary>Gets the number of caches that dead threads left behind and no new thread has taken over yet.</summary>
    public required int OrphanCaches { get; init; }

    /// <summary>Gets how many times a new thread has taken over the cache of a dead one.</summary>
    public required long AdoptedCaches { get; init; }

    /// <summary>Gets the number of magazines (arrays of cached blocks, 1 KiB each) that exist.</summary>
    public required int Magazines { get; init; }

    /// <summary>Gets the number of misuses that were found after the calls that caused them.</summary>
    public required long MisuseCount { get; init; }

    /// <summary>
    /// Gets the number of managed owners of blocks that have been created and not disposed, the memory of lists and writers included. Owners that the
    /// program has dropped stay in this number, but for those whose blocks are freed when the garbage collector finds them.
    /// </summary>
    public long Owners { get; init; }

    /// <summary>
    /// Gets the number of managed owners that the garbage collector has found dropped without having been disposed. Only owners whose blocks are freed
    /// in that case, and all owners in a heap that guards all its blocks, are looked for.
    /// </summary>
    public long DroppedOwners { get; init; }

    /// <summary>Gets the number of calls to the operating system, by kind.</summary>
    public required OsCallCounts OsCalls { get; init; }

    /// <summary>Returns the most important figures in one line, for people to read.</summary>
    public override string ToString() =>
        $"{Name}: {Readable.Bytes(LiveBytes)} in {Readable.Count(LiveBlocks, "live block")}, {Readable.Bytes(CachedBytes)} cached, {Readable.Bytes(ResidentBytes)} resident, {Readable.Bytes(ReservedBytes)} reserved";
}
