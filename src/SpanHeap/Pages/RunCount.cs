namespace SpanHeap.Pages;

/// <summary>Counts the runs of one kind that are handed out, and their pages. The users of the page heap agree on what a kind is.</summary>
internal struct RunCount
{
    /// <summary>The number of kinds that there may be.</summary>
    public const int Kinds = 130;

    public long Runs;
    public long Pages;
}

/// <summary>Notes that a run becomes longer or shorter, or one of another kind.</summary>
/// <param name="Pages">Its pages before.</param>
/// <param name="From">Its kind before.</param>
/// <param name="To">Its kind afterwards.</param>
internal readonly record struct RunChange(int Pages, int From, int To);

/// <summary>The pages of a page heap at one moment. Together, these are all pages except the headers of arenas.</summary>
/// <param name="InUse">Pages that are handed out and were not returned.</param>
/// <param name="Runs">Runs that are handed out and were not returned.</param>
/// <param name="Free">Free pages that are backed by memory; pages whose memory is just being given back count among them.</param>
/// <param name="GivenBack">Free pages that are not backed by memory.</param>
/// <param name="Arenas">Arenas that have pages.</param>
internal readonly record struct PageCounts(long InUse, long Runs, long Free, long GivenBack, int Arenas);
