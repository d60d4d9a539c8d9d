namespace SpanHeap.Tracing;

/// <summary>What a handle names.</summary>
/// <remarks>
/// Written under the table's lock; that of a weak handle also by the collector while nobody is in a scope, to nothing. Read without the
/// lock by whoever has the handle, in a scope, and by the collector while nobody is in one.
/// </remarks>
internal unsafe struct HandleSlot
{
    /// <summary>The block; 0 for none.</summary>
    public nint Block;

    /// <summary>The next free slot, while this is one.</summary>
    public HandleSlot* NextFree;

    /// <summary>Counts how often the slot was freed: a handle of an earlier time is known by it. Written before <see cref="Block"/> changes.</summary>
    public uint Generation;

    /// <summary>1 while a handle has it.</summary>
    public uint IsUsed;
}
