namespace SpanHeap.Os;

/// <summary>Specifies the kinds of calls to the system. Each call is counted, and a test can make it fail.</summary>
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

    /// <summary>Maps system memory at a place of our choice; <see cref="ReserveArena"/> uses the platform's allocator instead.</summary>
    MapArena,

    /// <summary>Maps more memory right after an arena.</summary>
    ExtendArena,

    /// <summary>Gives the end of an arena back.</summary>
    ShrinkArena,
}
