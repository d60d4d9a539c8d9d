using SpanHeap.Guard;
using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Traced.CleanUps;
using SpanHeap.Traced.Contract;
using SpanHeap.Traced.Gating;
using SpanHeap.Traced.Roots;
using SpanHeap.Traced.Spans;
using SpanHeap.Traced.Sweeping;

namespace SpanHeap.Traced.Checks;

/// <summary>The records of a heap's traced memory, for inspecting it as a whole.</summary>
/// <param name="Heap">The heap.</param>
/// <param name="Pages">Where the spans' pages are.</param>
/// <param name="Guard">Guarded blocks; null when the heap has none.</param>
/// <param name="Spans">The spans, by span class.</param>
/// <param name="Sweeper">The generation, and what is left to sweep.</param>
/// <param name="Caches">The caches, with what threads have taken.</param>
/// <param name="Roots">The roots, which keep blocks alive.</param>
/// <param name="WeakHandles">The weak handles, which name blocks without keeping them alive.</param>
/// <param name="CleanUps">The clean-ups, which run when blocks have died.</param>
/// <param name="Os">The system.</param>
/// <param name="Quarantine">The quarantine of spans in which blocks have died; null without full checks.</param>
internal sealed record TracedRecords(
    HeapIdentity Heap, PageHeap Pages, GuardedBlocks? Guard, TracedSpanSource Spans, Sweeper Sweeper, TracedCaches Caches, RootTable Roots, WeakTable WeakHandles, CleanUpTable CleanUps, DeadSpanQuarantine? Quarantine, OsMemory Os);
