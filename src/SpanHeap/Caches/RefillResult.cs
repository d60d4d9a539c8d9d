namespace SpanHeap.Caches;

/// <summary>Specifies how a refill ended.</summary>
internal enum RefillResult
{
    /// <summary>The stack has blocks.</summary>
    Done,

    /// <summary>There are no free pages, so the heap must grow.</summary>
    NeedsPages,

    /// <summary>The limit allows no further span, so growing does not help.</summary>
    AtLimit,

    /// <summary>There is no empty magazine for the stack.</summary>
    NeedsMagazines,
}
