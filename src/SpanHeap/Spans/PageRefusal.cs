namespace SpanHeap.Spans;

/// <summary>Why a request for pages was not served.</summary>
/// <remarks>
/// The reason travels with the answer. A caller that asks for it afterwards finds another state: the limit may have room again by then,
/// and a refusal by the limit looks like a lack of free pages.
/// </remarks>
internal enum PageRefusal
{
    /// <summary>The request was served.</summary>
    None,

    /// <summary>The heap's limit would be exceeded. More arenas are no help.</summary>
    Limit,

    /// <summary>Guarded blocks have as many pages as they may have. More arenas are no help.</summary>
    Guards,

    /// <summary>No free run is long enough. This is the only reason to add an arena.</summary>
    NoRun,
}
