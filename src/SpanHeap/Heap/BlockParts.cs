using SpanHeap.Blocks;
using SpanHeap.Guard;
using SpanHeap.Guard.Sampling;
using SpanHeap.Os;
using SpanHeap.Pages;

namespace SpanHeap.Heap;

/// <summary>The parts of a heap that <see cref="BlockAllocator"/> and <see cref="BlockFrees"/> work with.</summary>
internal readonly struct BlockParts
{
    public required CacheAttachment Attachment { get; init; }

    public required SmallBlocks Small { get; init; }

    public required LargeBlocks Large { get; init; }

    public required HugeBlocks Huge { get; init; }

    public required BlockLookup Lookup { get; init; }

    /// <summary>What full checks do with blocks; null without full checks.</summary>
    public required CheckedBlocks? Checks { get; init; }

    /// <summary>The heap's guarded blocks; null unless blocks are guarded.</summary>
    public required GuardedBlocks? Guard { get; init; }

    /// <summary>Decides which allocations are guarded; null unless a sample of the blocks is guarded.</summary>
    public required GuardSampler? Sampler { get; init; }

    public required PressureRelief Relief { get; init; }

    public required HeapMaintenance Maintenance { get; init; }

    public required MisuseReporter Reporter { get; init; }

    public required OsMemory Os { get; init; }

    public required PageGeometry Geometry { get; init; }

    public required ForeignFree ForeignFree { get; init; }
}
