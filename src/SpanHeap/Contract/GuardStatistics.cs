namespace SpanHeap;

/// <summary>Provides statistics about the guarded blocks of a heap.</summary>
/// <param name="LiveBlocks">The number of guarded blocks that the program holds.</param>
/// <param name="LiveBytes">The number of bytes that were requested for the live guarded blocks.</param>
/// <param name="HugeBytes">The part of <paramref name="LiveBytes"/> in blocks too large for an arena, which the page counts leave out.</param>
/// <param name="QuarantinedBlocks">The number of freed guarded blocks that still fault when they are touched.</param>
/// <param name="QuarantinedBytes">The address space of the quarantined blocks in bytes, guard pages included. No memory backs it.</param>
/// <param name="Pages">The number of arena pages in use that live and quarantined guarded blocks take.</param>
/// <param name="Guarded">The number of blocks that have been guarded since the heap was created.</param>
/// <param name="Retired">The number of guarded blocks whose addresses have left quarantine since the heap was created.</param>
/// <param name="Degraded">
/// The number of blocks that should have been guarded and could not be, or whose memory could not be protected when they were freed.
/// </param>
/// <param name="Skipped">
/// The number of sampled blocks for which there was no room, because live guarded blocks took up the budget and a quarter of the heap.
/// </param>
/// <param name="UsesMarkers">Whether pages are protected by markers in the page table (Linux 6.13 and later), which cost no mapping.</param>
/// <param name="Mappings">The number of address ranges that are protected by splitting mappings.</param>
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
