namespace SpanHeap.Traced;

/// <summary>Describes what one collection of traced memory did.</summary>
/// <param name="Number">The number of the collection among those of the heap; the first is 1.</param>
/// <param name="Reason">Why the heap was collected.</param>
/// <param name="BytesBefore">The bytes of blocks that lived, as far as was known before the collection.</param>
/// <param name="BytesAfter">The bytes of blocks that were kept: those that something reached and, of a concurrent collection, those made meanwhile.</param>
/// <param name="GoalBytes">The live bytes at which the next collection is due.</param>
/// <param name="Finishing">How long it took to sweep what the previous collection had left unswept.</param>
/// <param name="Marking">How long it took to mark the blocks that something reaches.</param>
/// <param name="Pause">How long threads were kept out, from the end of the last scope that was waited for.</param>
/// <param name="MarkThreads">How many threads marked at the same time, at most.</param>
public sealed record CollectionInfo(
    long Number, CollectionReason Reason, long BytesBefore, long BytesAfter, long GoalBytes, TimeSpan Finishing, TimeSpan Marking, TimeSpan Pause, int MarkThreads)
{
    /// <summary>
    /// Gets whether the collection was minor: it looked for dead blocks only among those made since the collection before it
    /// (<see cref="TracedHeapOptions.Generational"/>).
    /// </summary>
    public bool IsMinor { get; init; }

    /// <summary>
    /// Gets whether threads went on while the blocks were marked (<see cref="CollectionPriority.Latency"/>). <see cref="Pause"/> is then the longest time
    /// for which they were kept out at once, and <see cref="BytesAfter"/> includes what was made meanwhile.
    /// </summary>
    public bool IsConcurrent { get; init; }
}
