using System.Globalization;

namespace SpanHeap.Traced.Collecting;

/// <summary>Formats the line that a heap writes to the error stream about each collection, if its options say so.</summary>
internal static class CollectionTrace
{
    private const double Mebibyte = 1 << 20;

    /// <summary>
    /// Makes a line such as <c>spanheap 'Pages' 12 growth: 65.0 -> 1.2 MiB, next at 65.2; paused 2.05 ms (finishing 0.01, marking 1.98 by 2)</c>.
    /// </summary>
    public static string Line(string heap, CollectionInfo done) => string.Create(CultureInfo.InvariantCulture, $"""
        spanheap '{heap}' {done.Number} {Word(done.Reason)}{(done.IsMinor ? ", minor" : done.IsConcurrent ? ", concurrent" : "")}: {done.BytesBefore / Mebibyte:f1} -> {done.BytesAfter / Mebibyte:f1} MiB, next at {done.GoalBytes / Mebibyte:f1}; paused {done.Pause.TotalMilliseconds:f2} ms (finishing {done.Finishing.TotalMilliseconds:f2}, marking {done.Marking.TotalMilliseconds:f2} by {done.MarkThreads})
        """);

    private static string Word(CollectionReason reason) => reason switch
    {
        CollectionReason.Growth => "growth",
        CollectionReason.MemoryLimit => "limit",
        CollectionReason.Idle => "idle",
        CollectionReason.MarkSession => "mark session",
        _ => "induced",
    };
}
