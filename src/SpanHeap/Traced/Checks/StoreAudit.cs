using SpanHeap.Traced.Contract;
using SpanHeap.Traced.Layouts;
using SpanHeap.Traced.Spans;

namespace SpanHeap.Traced.Checks;

/// <summary>
/// Notes each reference that is stored into a block, and finds references in blocks that were never noted: something has written them past the
/// barrier, and a collector that marks while the program runs would lose what they refer to.
/// </summary>
/// <remarks>
/// For tests, because it takes time and memory for each store. A store is noted before it is made, so of several threads that store into one field
/// each may be the last. A value that was noted for the field since the last collection may be written back unseen. Trace functions know fields that
/// nothing else knows; blocks that have one are not audited.
/// </remarks>
internal sealed unsafe class StoreAudit(HeapIdentity heap)
{
    private readonly Lock _lock = new();

    // Fields and what was stored since the last collection. Guarded by the lock while threads are in scopes, and the collecting thread's while none is.
    private readonly HashSet<(nint Field, nint Value)> _noted = [];

    // What the fields of live blocks held at the last collection, where that was not null. The collecting thread's.
    private Dictionary<nint, nint> _seen = [];

    /// <summary>Notes that a value, perhaps null, is about to be stored into a field. Thread safe.</summary>
    public void Note(nint field, nint value)
    {
        lock (_lock)
        {
            _noted.Add((field, value));
        }
    }

    /// <summary>Requires that all references in marked blocks were noted. No thread is in a scope, and marks are complete.</summary>
    /// <exception cref="HeapCorruptionException">One was not.</exception>
    public void RequireNoted(TracedRecords records, uint bitmap)
    {
        // A field of a dead block is forgotten, because its memory may become another block's, which is null at first.
        Dictionary<nint, nint> seen = [];
        LiveBlocks live = new(records);
        PointerVisitor look = (block, offset, pointer) => Look(block, offset, pointer, seen);
        TracedBitWalk marked = new(records.Pages, bitmap);
        while (marked.MoveNext())
        {
            if (SpanClasses.Info(marked.Span->SpanClass)->Form != TracedForm.Custom)
            {
                PointerSlots.Visit(marked.Current, marked.Span, live, look);
            }
        }

        _seen = seen;
        _noted.Clear();
    }

    private void Look(nint block, long offset, nint pointer, Dictionary<nint, nint> seen)
    {
        nint field = block + (nint)offset;
        if (pointer != _seen.GetValueOrDefault(field) && !_noted.Contains((field, pointer)))
        {
            throw new HeapCorruptionException(
                $"In the heap '{heap.Name}', {ReferenceFault.NameOf(block)} {ReferenceFault.NameOf(offset)} has 0x{pointer:x}, which was not stored by Set, a generated property or a collection type.",
                field,
                null);
        }

        if (pointer != 0)
        {
            seen.Add(field, pointer);
        }
    }
}
