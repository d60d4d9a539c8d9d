namespace SpanHeap.Spans;

/// <summary>Specifies why a request for pages was not served.</summary>
/// <remarks>
/// The reason travels with the answer. A caller that asked for it afterwards would find another state: the limit may have room again
/// by then, and a refusal by the limit could not be distinguished from a lack of free pages.
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
