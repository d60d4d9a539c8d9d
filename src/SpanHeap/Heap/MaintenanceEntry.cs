namespace SpanHeap.Heap;

/// <summary>Something that a <see cref="MaintenanceThread"/> visits when it is due.</summary>
/// <remarks>
/// All fields belong to the <see cref="MaintenanceQueue"/> that contains the entry, which belongs to one thread at most, and are guarded by that
/// thread's lock.
/// </remarks>
internal abstract class MaintenanceEntry
{
    /// <summary>The tick, in milliseconds, at which the entry is to be visited.</summary>
    public long Due { get; set; }

    public bool IsQueued { get; set; }

    /// <summary>The first of the entries that this one precedes.</summary>
    public MaintenanceEntry? Child { get; set; }

    public MaintenanceEntry? Sibling { get; set; }

    /// <summary>The previous sibling, or the entry whose first child this is.</summary>
    public MaintenanceEntry? Previous { get; set; }

    /// <summary>Does what is due. Called by the thread without its lock, while the entry is in no queue. Throws nothing.</summary>
    public abstract void Visit();
}
