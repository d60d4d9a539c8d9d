using SpanHeap.Guarding;
using SpanHeap.Layouts;
using SpanHeap.Spans;
using SpanHeap.Sweeping;

namespace SpanHeap.Tracing;

/// <summary>Says in words what a block is, where a reference lies, and what is wrong with where it leads.</summary>
internal static unsafe class ReferenceFault
{
    // Of a long way so many steps are said at each end.
    private const int StepsAtEachEnd = 8;

    private const string WhyKept = "the reference was kept from an earlier scope, or not where collections look";

    private const ulong FillWord = DeadBlockPoison.Fill * 0x0101_0101_0101_0101UL;

    /// <summary>A reference that does not lead to a live block.</summary>
    /// <param name="holder">Where it lies, in words.</param>
    /// <param name="pointer">What it is.</param>
    /// <param name="live">What it might be.</param>
    public static HeapCorruptionException Of(string holder, nint pointer, LiveBlocks live) => new(
        $"A reference of the heap '{live.Heap.Name}' leads to no block: {holder} is 0x{pointer:x}, {WhatIs(pointer, live)}.", pointer, null);

    /// <summary>A block, by its type and address.</summary>
    public static string NameOf(nint block) => $"{TracedNames.Of(PageEntry.TracedKind(*ArenaHeader.EntryOf(block)))} at 0x{block:x}";

    /// <summary>Where in its block a reference lies.</summary>
    public static string NameOf(long offset) => offset == PointerSlots.NamedByFunction ? "by its trace function" : $"+{offset}";

    /// <summary>A way by its steps, of which the middle is left out when there are many.</summary>
    public static string WayBy(List<string> steps)
    {
        int left = steps.Count - (2 * StepsAtEachEnd);
        return string.Join(" -> ", left <= 1 ? steps : [.. steps[..StepsAtEachEnd], $"({left} more)", .. steps[^StepsAtEachEnd..]]);
    }

    private static string WhatIs(nint pointer, LiveBlocks live)
    {
        if ((ulong)pointer == FillWord)
        {
            return "which is what blocks that died are filled with";
        }

        if (!TracedLookup.TryFind(pointer, live.Heap.Serial, out TracedSpan* span, out nint slot))
        {
            return live.Heap.Core.Guard?.TryFind(pointer, out GuardRecord record) == true && record.State == GuardState.Swept
                ? $"a guarded slot whose block has died: {WhyKept}"
                : "where this heap has no traced blocks";
        }

        if (slot != pointer)
        {
            return $"which lies inside {NameOf(slot)}";
        }

        return live.IsUnused(slot)
            ? $"a slot of {TracedNames.Of(span->Kind)} in which no block has been made yet"
            : $"a slot of {TracedNames.Of(span->Kind)} whose block has died: {WhyKept}";
    }
}
