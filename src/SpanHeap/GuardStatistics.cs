namespace SpanHeap;

/// <summary>Figures of a heap's guarded blocks.</summary>
/// <param name="LiveBlocks">Guarded blocks in the hands of the program.</param>
/// <param name="LiveBytes">Bytes that were asked for with them.</param>
/// <param name="HugeBytes">Those of them that are too large for an arena, and of which pages say nothing.</param>
/// <param name="QuarantinedBlocks">Freed blocks that still fault.</param>
/// <param name="QuarantinedBytes">Address space of those, guards included. No memory is under it.</param>
/// <param name="Pages">Pages of arenas that both have, among those in use.</param>
/// <param name="Guarded">Blocks guarded since the heap was made.</param>
/// <param name="Retired">Blocks whose addresses have left quarantine since.</param>
/// <param name="Degraded">Blocks that were to be guarded and could not be, or whose memory could not be protected when they were freed.</param>
/// <param name="Skipped">Blocks drawn by a sample for which there was no room: live ones had the budget and a quarter of the heap.</param>
/// <param name="UsesMarkers">Whether pages are protected by markers in the page table (Linux 6.13 and later), which cost no mapping.</param>
/// <param name="Mappings">Ranges that are protected by splitting mappings.</param>
/// <param name="HasFaultReport">Whether a fault is reported before the runtime ends the process.</param>
public readonly record struct GuardStatistics(
    long LiveBlocks,
    long LiveBytes,
    long HugeBytes,
    long QuarantinedBlocks,
    long QuarantinedBytes,
    long Pages,
    long Guarded,
    long Retired,
    long Degraded,
    long Skipped,
    bool UsesMarkers,
    long Mappings,
    bool HasFaultReport);
