namespace SpanHeap.Traced.Roots;

/// <summary>The slot of a handle, which names a block.</summary>
/// <remarks>
/// Written under the table's lock; the collector also clears the slot of a weak handle, by compare-exchange. Read without the lock by any
/// thread with the handle, in a scope, and by the collector: of a root while no thread is in one, of a weak handle at any time. All zero while it is
/// free, whether its memory was given back meanwhile or not.
/// </remarks>
internal struct HandleSlot
{
    /// <summary>The block; 0 for none.</summary>
    public nint Block;

    /// <summary>
    /// The number of the handle that has the slot; 0 for none. No two handles of a table have the same number, so it distinguishes an earlier handle
    /// of the slot from the current one. When a handle is freed, this is written before <see cref="Block"/> changes.
    /// </summary>
    public ulong Number;
}
