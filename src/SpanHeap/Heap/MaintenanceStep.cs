namespace SpanHeap.Heap;

/// <summary>Specifies the parts of a maintenance round, in their order. Each may leave something for the next.</summary>
internal enum MaintenanceStep
{
    /// <summary>Some of the freed blocks that full checks hold back are returned.</summary>
    Quarantine,

    /// <summary>One span of dead traced blocks that full checks hold back is returned.</summary>
    KeptSpans,

    /// <summary>Some threads are asked whether they live.</summary>
    Threads,

    /// <summary>The blocks on the stacks of some threads that wait are taken.</summary>
    Sleepers,

    /// <summary>The cache of one dead thread is drained.</summary>
    Orphans,

    /// <summary>One cache sends what it has gathered for others.</summary>
    Outboxes,

    /// <summary>One cache takes in what others have sent, and returns what its depots hold.</summary>
    Bins,

    /// <summary>One empty cache of a dead thread gives its memory back.</summary>
    DeadCaches,
    LastOfDraining = DeadCaches,

    /// <summary>One huge block that is kept for reuse is released.</summary>
    HugeBlocks,

    /// <summary>One group of empty magazines gives its memory back.</summary>
    Magazines,

    /// <summary>Some free pages are checked for having become resident without the heap.</summary>
    Residency,

    /// <summary>Some spans are visited, and memory under the free slots of one is given back.</summary>
    Spans,

    /// <summary>The free pages that stay, because the program wants them again and again, are chosen in some arenas.</summary>
    Retention,

    /// <summary>One run of free pages is given back.</summary>
    Pages,

    /// <summary>The records of one wholly free arena are given back.</summary>
    Arenas,

    /// <summary>The addresses of wholly free arenas are given back.</summary>
    Addresses,
    LastOfTrim = Addresses,

    /// <summary>The pages that are free now are noted.</summary>
    Aging,
    Last = Aging,
}
