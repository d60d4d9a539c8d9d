using SpanHeap.Traced.Layouts;
using SpanHeap.Traced.Marking;
using SpanHeap.Traced.Spans;

namespace SpanHeap.Traced.Checks;

/// <summary>Visits a pointer, which may be null, with its offset in its block.</summary>
internal delegate void PointerVisitor(nint block, long offset, nint pointer);

/// <summary>Visits a weak entry that has a key.</summary>
internal unsafe delegate void EntryVisitor(WeakEntry* entry, nint key, nint value);

/// <summary>Visits the pointers of a block one by one. It repeats what <see cref="Marker"/> does, in a simpler way, to check on it.</summary>
internal static unsafe class PointerSlots
{
    /// <summary>The offset of what a function of the program named: only that function knows where it lies.</summary>
    public const long NamedByFunction = -1;

    /// <exception cref="HeapCorruptionException">An array is longer than its block.</exception>
    public static void Visit(nint block, TracedSpan* span, LiveBlocks live, PointerVisitor visit)
    {
        SpanClassInfo* spanClass = SpanClasses.Info(span->SpanClass);
        switch (spanClass->Form)
        {
            case TracedForm.Fields:
                VisitPattern(block, 0, spanClass, visit);
                break;
            case TracedForm.References:
            case TracedForm.Elements:
                VisitArray(block, span, spanClass, visit);
                break;
            case TracedForm.Custom:
                VisitCustom(block, spanClass, live, visit);
                break;
            case TracedForm.WeakEntries:
                VisitEntries(block, span, (entry, key, value) =>
                {
                    visit(block, KeyOffset(block, entry), key);
                    visit(block, ValueOffset(block, entry), value);
                });
                break;
        }
    }

    /// <summary>Visits the entries of an array of weak entries that have keys.</summary>
    /// <exception cref="HeapCorruptionException">The array is longer than its block.</exception>
    public static void VisitEntries(nint array, TracedSpan* span, EntryVisitor visit)
    {
        long length = LengthOf(array, span, WeakArray.HeaderBytes, sizeof(WeakEntry));
        for (WeakEntry* entry = WeakArray.Entries(array); length > 0; length--, entry++)
        {
            if (entry->Key != 0)
            {
                visit(entry, entry->Key, entry->Value);
            }
        }
    }

    /// <summary>Gets the offset of the key of an entry in its array.</summary>
    public static long KeyOffset(nint array, WeakEntry* entry) => (nint)(&entry->Key) - array;

    /// <summary>Gets the offset of the value of an entry in its array.</summary>
    public static long ValueOffset(nint array, WeakEntry* entry) => (nint)(&entry->Value) - array;

    private static long LengthOf(nint array, TracedSpan* span, long headerBytes, long elementBytes)
    {
        long length = *(long*)array;
        long room = ((long)span->Span.SlotSize - headerBytes) / elementBytes;
        if (length < 0 || length > room)
        {
            throw new HeapCorruptionException(
                $"The array at 0x{array:x} has {length} elements, but its block has room for {room}.", array, null);
        }

        return length;
    }

    private static void VisitPattern(nint block, long start, SpanClassInfo* spanClass, PointerVisitor visit)
    {
        for (int word = 0; word < spanClass->PatternWords; word++)
        {
            ulong bits = spanClass->PatternWords > SpanClassInfo.WordsInline ? spanClass->AllPointers[word / 64] : spanClass->FirstPointers;
            if ((bits & (1UL << (word % 64))) != 0)
            {
                long offset = start + (word * sizeof(nint));
                visit(block, offset, *(nint*)(block + (nint)offset));
            }
        }
    }

    private static void VisitArray(nint block, TracedSpan* span, SpanClassInfo* spanClass, PointerVisitor visit)
    {
        long length = LengthOf(block, span, SpanClassInfo.ArrayHeaderBytes, spanClass->ElementBytes);
        for (long i = 0; i < length; i++)
        {
            long offset = SpanClassInfo.ArrayHeaderBytes + (i * spanClass->ElementBytes);
            if (spanClass->Form == TracedForm.References)
            {
                visit(block, offset, *(nint*)(block + (nint)offset));
            }
            else
            {
                VisitPattern(block, offset, spanClass, visit);
            }
        }
    }

    private static void VisitCustom(nint block, SpanClassInfo* spanClass, LiveBlocks live, PointerVisitor visit)
    {
        foreach (CustomPointer found in CustomTracing.Find(block, spanClass->Trace, live.Bitmap))
        {
            // A number that is equal to an address by chance may point to a slot that a cache has taken.
            if (!found.IsInterior || !live.IsUnused(found.Block))
            {
                visit(block, NamedByFunction, found.Block);
            }
        }
    }
}
