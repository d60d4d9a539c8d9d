using SpanHeap.Guard.Protection;
using SpanHeap.Guard.Quarantine;
using SpanHeap.Guard.Records;
using SpanHeap.Guard.Sampling;
using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Guard;

/// <summary>Makes the parts of a heap that its <see cref="GuardedBlocks"/> work with.</summary>
internal sealed class GuardParts
{
    /// <summary>Makes the parts, each from those that it works with.</summary>
    /// <param name="os">The system's memory calls.</param>
    /// <param name="pages">The heap's pages.</param>
    /// <param name="arenas">The heap's arenas.</param>
    /// <param name="limit">What the heap counts towards its limit.</param>
    /// <param name="options">The options of guarded blocks.</param>
    /// <param name="file">The file that events are kept in; null for none.</param>
    /// <param name="mappings">The mappings that guards may split.</param>
    /// <param name="late">Called with the address of a block that was written to after its free.</param>
    public GuardParts(
        OsMemory os, PageHeap pages, ArenaSource arenas, HeapLimit limit, GuardOptions options, GuardRecordFile? file, MappingBudget mappings, Action<nint, MisuseKind> late)
    {
        GuardsAll = options.Mode == GuardMode.All;
        KeepsStacks = options.RecordStacks;
        Pages = pages;
        Arenas = arenas;
        File = file;
        Sample = GuardsAll ? null : new SampleBudget(options.BudgetBytes, pages, limit);
        Charge = new GuardCharge(limit, GuardsAll);
        Protection = new SpanProtection(os, new PageProtection(os, mappings), late);
        Source = new GuardedSpanSource(os, pages, arenas, limit, Charge);
        Records = new GuardRecords(pages, arenas, Charge, Sample);
        Quarantine = new GuardQuarantine(Records, Protection, Source, limit, Sample, Refusals, options.BudgetBytes);
        Eviction = new GuardEviction(Records, Protection, Quarantine);
        Allocator = new GuardAllocator(options, arenas, limit, Charge, Source, Protection, Records, Quarantine, Eviction, file);
    }

    /// <summary>Whether all blocks are to be guarded.</summary>
    public bool GuardsAll { get; }

    /// <summary>Whether records have the stacks of the threads that allocated and freed a block.</summary>
    public bool KeepsStacks { get; }

    public PageHeap Pages { get; }

    public ArenaSource Arenas { get; }

    /// <summary>The file that events are kept in; null for none.</summary>
    public GuardRecordFile? File { get; }

    /// <summary>Null where all blocks are guarded.</summary>
    public SampleBudget? Sample { get; }

    public GuardRefusals Refusals { get; } = new();

    public GuardCharge Charge { get; }

    public SpanProtection Protection { get; }

    public GuardedSpanSource Source { get; }

    public GuardRecords Records { get; }

    public GuardQuarantine Quarantine { get; }

    public GuardEviction Eviction { get; }

    public GuardAllocator Allocator { get; }
}
