namespace SpanHeap.Layouts;

/// <summary>What a custom trace function is given besides the block: where to say what it found.</summary>
internal unsafe struct TraceContext
{
    /// <summary>Of the marker that calls.</summary>
    public nint Marker;

    /// <summary>Takes a pointer that the function found.</summary>
    public delegate*<TraceContext*, nint, void> Visit;
}
