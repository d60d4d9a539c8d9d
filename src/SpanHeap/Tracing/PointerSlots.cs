using SpanHeap.Layouts;
using SpanHeap.Spans;

namespace SpanHeap.Tracing;

/// <summary>Is shown a pointer, which may be null, and where in its block it lies.</summary>
internal delegate void PointerVisitor(nint block, long offset, nint pointer);

/// <summary>
/// Shows the pointers of a block one by one: what <see cref="Marker"/> does, written once more and plainly, for who checks on it.
/// </summary>
internal static unsafe class PointerSlots
{
    /// <summary>The offset of what a function of the program's named: where it lies only that knows.</summary>
    public const long NamedByFunction = -1;

    /// <exception cref="HeapCorruptionException">An array is longer than its block.</exception>
    public static void Visit(nint block, TracedSpan* span, LiveBlocks live, PointerVisitor visit)
    {
        TracedKind* kind = TracedKinds.Info(span->Kind);
        switch (kind->Form)
        {
            case TracedForm.Fields:
                VisitPattern(block, 0, kind, visit);
                break;
            case TracedForm.References:
            case TracedForm.Elements:
                VisitArray(block, span, kind, visit);
                break;
            case TracedForm.Custom:
                VisitCustom(block, kind, live, visit);
                break;
        }
    }

    private static void VisitPattern(nint block, long start, TracedKind* kind, PointerVisitor visit)
    {
        for (int word = 0; word < kind->PatternWords; word++)
        {
            ulong bits = kind->PatternWords > TracedKind.WordsInline ? kind->AllPointers[word / 64] : kind->FirstPointers;
            if ((bits & (1UL << (word % 64))) != 0)
            {
                long offset = start + (word * sizeof(nint));
                visit(block, offset, *(nint*)(block + (nint)offset));
            }
        }
    }

    private static void VisitArray(nint block, TracedSpan* span, TracedKind* kind, PointerVisitor visit)
    {
        long length = *(long*)block;
        long room = ((long)span->Span.SlotSize - TracedKind.ArrayHeaderBytes) / kind->ElementBytes;
        if (length < 0 || length > room)
        {
            throw new HeapCorruptionException(
                $"The array at 0x{block:x} has {length} elements, and its block has room for {room}.", block, null);
        }

        for (long i = 0; i < length; i++)
        {
            long offset = TracedKind.ArrayHeaderBytes + (i * kind->ElementBytes);
            if (kind->Form == TracedForm.References)
            {
                visit(block, offset, *(nint*)(block + (nint)offset));
            }
            else
            {
                VisitPattern(block, offset, kind, visit);
            }
        }
    }

    private static void VisitCustom(nint block, TracedKind* kind, LiveBlocks live, PointerVisitor visit)
    {
        foreach (CustomPointer found in CustomTracing.Find(block, kind->Trace, live.Plane))
        {
            // An address that is one by chance may lie in a slot that a cache has taken.
            if (!found.IsInterior || !live.IsUnused(found.Block))
            {
                visit(block, NamedByFunction, found.Block);
            }
        }
    }
}
