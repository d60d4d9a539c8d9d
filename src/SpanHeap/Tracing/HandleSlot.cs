namespace SpanHeap.Tracing;

/// <summary>What a handle names.</summary>
/// <remarks>
/// Written under the table's lock; that of a weak handle also by the collector while nobody is in a scope, to nothing. Read without the
/// lock by whoever has the handle, in a scope, and by the collector while nobody is in one. All zero while no handle has it, whether its
/// memory was given back meanwhile or not.
/// </remarks>
internal struct HandleSlot
{
    /// <summary>The block; 0 for none.</summary>
    public nint Block;

    /// <summary>
    /// The number of the handle that has the slot; 0 for none. No two handles of a table have the same, so an earlier handle of the slot is
    /// known by it. When a handle goes, this is written before <see cref="Block"/> changes.
    /// </summary>
    public ulong Number;
}
