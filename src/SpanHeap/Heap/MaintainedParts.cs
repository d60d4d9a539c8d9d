using SpanHeap.Caches;
using SpanHeap.Checks;
using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Spans;
using SpanHeap.Threads;

namespace SpanHeap.Heap;

/// <summary>The parts of a heap that its maintenance works on. The heap keeps this object alive; maintenance holds it weakly.</summary>
internal sealed class MaintainedParts
{
    public required HeapState State { get; init; }

    public required OsMemory Os { get; init; }

    public required HeapEpoch Clock { get; init; }

    public required CacheRegistry Registry { get; init; }

    public required CacheDrain Caches { get; init; }

    public required StackReclaimer Sleepers { get; init; }

    public required OrphanDrain Orphans { get; init; }

    public required MemoryTransit Transit { get; init; }

    public required MagazinePool Magazines { get; init; }

    public required HugeBlockCache HugeCache { get; init; }

    public required DiscardBackoff Discards { get; init; }

    public required SpanScavenger Scavenger { get; init; }

    public required PageScavenger PageScavenger { get; init; }

    public required PageHeap Pages { get; init; }

    public required PageScavenging Scavenging { get; init; }

    public required PageRetention Retention { get; init; }

    public required ArenaSource Arenas { get; init; }

    public required MisuseReporter Reporter { get; init; }

    /// <summary>The freed blocks that full checks hold back; null when none are.</summary>
    public required FreedBlockQuarantine? Quarantine { get; init; }

    /// <summary>The spans of dead traced blocks that full checks hold back; null when none are. Set when traced memory is created.</summary>
    public IKeptSpans? KeptSpans { get; set; }

    /// <summary>Whether free slots must stay resident, because full checks fill them with poison.</summary>
    public required bool KeepsFreeSlots { get; init; }

    /// <summary>Whether free pages that become resident again are left alone.</summary>
    public required bool HugePages { get; init; }
}
