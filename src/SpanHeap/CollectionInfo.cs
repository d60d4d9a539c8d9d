namespace SpanHeap;

/// <summary>What one collection of traced memory did.</summary>
/// <param name="Number">Which it was of the heap's; the first is 1.</param>
/// <param name="Reason">Why it was.</param>
/// <param name="BytesBefore">Bytes of blocks that lived as far as was known before.</param>
/// <param name="BytesAfter">Bytes of blocks that something reached.</param>
/// <param name="GoalBytes">Live bytes at which the next is due.</param>
/// <param name="Finishing">How long sweeping took that the collection before had left.</param>
/// <param name="Marking">How long finding what is reached took.</param>
/// <param name="Pause">How long threads were kept out, from the end of the last scope that was waited for.</param>
/// <param name="MarkThreads">How many threads marked.</param>
public sealed record CollectionInfo(
    long Number, CollectionReason Reason, long BytesBefore, long BytesAfter, long GoalBytes, TimeSpan Finishing, TimeSpan Marking, TimeSpan Pause, int MarkThreads);
