namespace SpanHeap.Os;

/// <summary>The kinds of calls that cross the boundary to the system; each is counted and each may be made to fail by a test.</summary>
internal enum OsCall
{
    ReserveArena,
    ReleaseArena,
    AllocateMetadata,
    AllocateHuge,
    Discard,
    Fault,
    Unfault,
    InstallGuard,
    RemoveGuard,
    HugePageAdvice,
    Residency,

    /// <summary>Memory of the system's at a place of our choice; <see cref="ReserveArena"/> asks the platform's allocator.</summary>
    MapArena,

    /// <summary>More of it, right behind.</summary>
    ExtendArena,

    /// <summary>The end of it goes back.</summary>
    ShrinkArena,
}
