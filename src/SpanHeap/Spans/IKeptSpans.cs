namespace SpanHeap.Spans;

/// <summary>Spans that nothing lives in and that full checks keep back all the same: what maintenance knows of traced memory.</summary>
internal interface IKeptSpans
{
    /// <summary>Whether there are any.</summary>
    bool Any { get; }

    /// <summary>Whether none came since this was asked last. For the heap's rounds alone.</summary>
    bool IsIdle();

    /// <summary>The number of the span that came last: they are counted as they come.</summary>
    long Newest { get; }

    /// <summary>Gives the pages of the oldest back, unless it came after one with such a number.</summary>
    /// <returns>False when there is none, or all have to stay just now.</returns>
    bool ReleaseOldest(long newest);
}
