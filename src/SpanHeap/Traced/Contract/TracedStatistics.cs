using System.Globalization;
using SpanHeap.Contract;

namespace SpanHeap.Traced;

/// <summary>A snapshot of the statistics of a heap's traced memory. Taking it allocates nothing and stops no thread.</summary>
/// <remarks>
/// <para>
/// Totals count from the creation of the heap. Each figure is right by itself, but those of one snapshot may be taken moments apart.
/// </para>
/// <para>
/// A pause is the time from the end of the last scope that a collection waited for until threads may enter scopes again. <see cref="TracedHeap.Enter"/> may wait
/// longer, for scopes of other threads. A concurrent collection has two pauses or more.
/// </para>
/// </remarks>
public readonly record struct TracedStatistics
{
    /// <summary>
    /// Gets the bytes of blocks that may live, rounded up to their size classes: those that the last collection kept, and those made since. Blocks that threads
    /// have made since they last reported, or that the end of a scope may free, are not counted, so a small heap may show 0. After a collection that kept threads
    /// out it is exact; after a concurrent one it includes what was made or has died while the heap was marked.
    /// </summary>
    public long LiveBytes { get; init; }

    /// <summary>Gets the live bytes at which the next collection is due.</summary>
    public long GoalBytes { get; init; }

    /// <summary>Gets the number of collections completed.</summary>
    public long Collections { get; init; }

    /// <summary>Gets how many of the collections were minor (<see cref="TracedHeapOptions.Generational"/>).</summary>
    public long MinorCollections { get; init; }

    /// <summary>Gets how often a collection could not begin because a thread was in a scope for longer than other threads may be kept out.</summary>
    public long HeldUp { get; init; }

    /// <summary>Gets the last pause: a time for which a collection kept threads out. <see cref="CollectionInfo.Pause"/> is the longest of a collection.</summary>
    public TimeSpan LastPause { get; init; }

    /// <summary>Gets the longest pause: the longest time for which a collection kept threads out.</summary>
    public TimeSpan LongestPause { get; init; }

    /// <summary>Gets how long all pauses took together.</summary>
    public TimeSpan TotalPause { get; init; }

    /// <summary>Gets the time that half of the pauses did not exceed, to within an eighth.</summary>
    public TimeSpan MedianPause { get; init; }

    /// <summary>Gets the time that 99 of 100 pauses did not exceed, to within an eighth.</summary>
    public TimeSpan Pause99 { get; init; }

    /// <summary>Gets the time that 999 of 1,000 pauses did not exceed, to within an eighth.</summary>
    public TimeSpan Pause999 { get; init; }

    /// <summary>
    /// Gets how long threads that allocated have swept in proportion to what they took, and have helped a concurrent collection to mark or waited for it, all
    /// together. What a thread sweeps to find a free slot or free pages is not counted.
    /// </summary>
    public TimeSpan AssistTime { get; init; }

    /// <summary>Gets the longest time for which one allocation did so.</summary>
    public TimeSpan LongestAssist { get; init; }

    /// <summary>Gets the number of spans of traced blocks.</summary>
    public long Spans { get; init; }

    /// <summary>Gets the number of pages, of 8 KiB each, in spans of traced blocks.</summary>
    public long Pages { get; init; }

    /// <summary>Gets the number of handles that are not disposed.</summary>
    public long Handles { get; init; }

    /// <summary>Gets the number of root arrays that are not disposed.</summary>
    public long RootArrays { get; init; }

    /// <summary>Gets the number of weak handles that are not disposed, whether their block lives or not.</summary>
    public long WeakHandles { get; init; }

    /// <summary>Gets the number of weak handles whose block was found dead before they were disposed.</summary>
    public long WeakHandlesCleared { get; init; }

    /// <summary>Gets the number of clean-ups that were registered.</summary>
    public long CleanUpsRegistered { get; init; }

    /// <summary>Gets the number of clean-ups whose block was found dead and that have not begun to run.</summary>
    public long CleanUpsQueued { get; init; }

    /// <summary>Gets the number of clean-ups that have run, including those that threw.</summary>
    public long CleanUpsRun { get; init; }

    /// <summary>Gets the number of clean-ups that threw.</summary>
    public long CleanUpsFailed { get; init; }

    /// <summary>Gets the number of clean-ups that were cancelled before they ran.</summary>
    public long CleanUpsCancelled { get; init; }

    /// <summary>Gets the number of blocks freed that shared their span with others.</summary>
    public long SmallBlocksFreed { get; init; }

    /// <summary>Gets the bytes of freed blocks that shared their span with others, rounded up to their size classes.</summary>
    public long SmallBytesFreed { get; init; }

    /// <summary>Gets the number of blocks freed that had a span of their own.</summary>
    public long LargeBlocksFreed { get; init; }

    /// <summary>Gets the bytes of freed blocks that had a span of their own, rounded up to pages.</summary>
    public long LargeBytesFreed { get; init; }

    /// <summary>
    /// Gets the bytes of blocks that ends of scopes have freed (<see cref="TracedHeapOptions.FreeAtScopeEnd"/>), rounded up to their size classes. It grows in
    /// steps, because short scopes are freed several at a time. No other figure of freed blocks counts them.
    /// </summary>
    public long BytesFreedByScopes { get; init; }

    /// <summary>Gets the number of spans that sweeping found without a live block and whose pages it returned.</summary>
    public long SpansReleased { get; init; }

    /// <summary>Gets the number of spans swept by threads that needed a block.</summary>
    public long SpansSweptByRefill { get; init; }

    /// <summary>Gets the number of spans swept by threads that needed pages, or in proportion to what they allocated.</summary>
    public long SpansSweptByAllocation { get; init; }

    /// <summary>Gets the number of spans swept in the background.</summary>
    public long SpansSweptInBackground { get; init; }

    /// <summary>
    /// Gets the number of spans swept by <see cref="TracedHeap.FinishSweeping"/>, or because the next collection was about to begin.
    /// </summary>
    public long SpansSweptToFinish { get; init; }

    /// <summary>
    /// Gets the number of spans that threads were taking blocks from when a collection began, swept when the threads gave them back.
    /// </summary>
    public long SpansSweptByFlush { get; init; }

    /// <summary>Returns the most important figures in one line, for people to read.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Readable.Bytes(LiveBytes)} live, next collection at {Readable.Bytes(GoalBytes)}, {Readable.Count(Collections, "collection")}, {TotalPause.TotalMilliseconds:0.###} ms of pauses, longest {LongestPause.TotalMilliseconds:0.###} ms");
}
