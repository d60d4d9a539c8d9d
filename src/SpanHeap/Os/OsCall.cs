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
}
