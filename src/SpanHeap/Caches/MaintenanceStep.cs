namespace SpanHeap.Caches;

/// <summary>The parts of a maintenance round, in their order: each may leave something for the next.</summary>
internal enum MaintenanceStep
{
    /// <summary>Some of the freed blocks that full checks keep back go on.</summary>
    Quarantine,

    /// <summary>Some threads are asked whether they live.</summary>
    Threads,

    /// <summary>What lies on the stacks of some threads that wait is taken.</summary>
    Sleepers,

    /// <summary>The cache of one dead thread is drained.</summary>
    Orphans,

    /// <summary>One cache sends what it has gathered for others.</summary>
    Outboxes,

    /// <summary>One cache takes in what others have sent, and gives back what its depots hold.</summary>
    Shelves,
    LastOfDraining = Shelves,

    /// <summary>One huge block that is kept for reuse goes back.</summary>
    HugeBlocks,

    /// <summary>One group of empty magazines gives its memory back.</summary>
    Magazines,

    /// <summary>Some free pages are asked for whether they have become resident without the heap.</summary>
    Residency,

    /// <summary>Some spans are looked at, and memory under the free slots of one goes back.</summary>
    Spans,

    /// <summary>One run of free pages goes back.</summary>
    Pages,

    /// <summary>The records of one arena that is wholly free go back.</summary>
    Arenas,

    /// <summary>The addresses of arenas that are wholly free go back.</summary>
    Addresses,
    LastOfTrim = Addresses,

    /// <summary>It is noted which pages are free.</summary>
    Aging,
    Last = Aging,
}
