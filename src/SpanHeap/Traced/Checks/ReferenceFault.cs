using SpanHeap.Guard.Records;
using SpanHeap.Spans;
using SpanHeap.Traced.Layouts;
using SpanHeap.Traced.Spans;
using SpanHeap.Traced.Sweeping;

namespace SpanHeap.Traced.Checks;

/// <summary>Describes in words what a block is, where a reference lies, and what is wrong with its target.</summary>
internal static unsafe class ReferenceFault
{
    // For a long path, this many steps are shown at each end.
    private const int StepsAtEachEnd = 8;

    private const string WhyKept = "the reference was kept from an earlier scope, or not where collections look";

    private const ulong FillWord = DeadBlockPoison.Fill * 0x0101_0101_0101_0101UL;

    /// <summary>Makes the exception for a reference that does not lead to a live block.</summary>
    /// <param name="holder">Where the reference lies, in words.</param>
    /// <param name="pointer">The address that it holds.</param>
    /// <param name="live">The blocks that it could have led to.</param>
    public static HeapCorruptionException Of(string holder, nint pointer, LiveBlocks live) => new(
        $"A reference of the heap '{live.Records.Heap.Name}' leads to no block: {holder} is 0x{pointer:x}, {WhatIs(pointer, live)}.", pointer, null);

    /// <summary>Names a block by its type and address.</summary>
    public static string NameOf(nint block) => $"{TracedNames.Of(PageEntry.SpanClass(*ArenaHeader.EntryOf(block)))} at 0x{block:x}";

    /// <summary>Names the place of a reference in its block.</summary>
    public static string NameOf(long offset) => offset == PointerSlots.NamedByFunction ? "by its trace function" : $"+{offset}";

    /// <summary>Describes a path by its steps; the middle is left out if there are many.</summary>
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

        if (!TracedLookup.TryFind(pointer, live.Records.Heap.Serial, out TracedSpan* span, out nint slot))
        {
            return live.Records.Guard?.TryFind(pointer, out GuardRecord record) == true && record.State == GuardState.Swept
                ? $"a guarded slot whose block has died: {WhyKept}"
                : "where this heap has no traced blocks";
        }

        if (slot != pointer)
        {
            return $"which lies inside {NameOf(slot)}";
        }

        return live.IsUnused(slot)
            ? $"a slot of {TracedNames.Of(span->SpanClass)} in which no block has been made yet"
            : $"a slot of {TracedNames.Of(span->SpanClass)} whose block has died: {WhyKept}";
    }
}
