using SpanHeap.Traced.Layouts;
using SpanHeap.Traced.Spans;

namespace SpanHeap.Traced.Checks;

/// <summary>
/// Finds what the roots reach a second time, in the simplest way, on one thread and in memory of its own, and compares the result with what marking
/// found. It is slow, and only serves to find errors of the marker.
/// </summary>
/// <remarks>
/// No thread is in a scope, and everything is swept. Handles may be freed meanwhile, so roots become fewer: what was reached before marking may be
/// marked, and what is reached after it must be marked.
/// </remarks>
internal sealed unsafe class Checkmark
{
    private readonly LiveBlocks _live;
    private readonly Stack<nint> _open = new();

    // How each block was first reached.
    private readonly Dictionary<nint, Arrival> _reached = [];

    // The values of weak entries whose keys have not been reached, by key.
    private readonly Dictionary<nint, List<(nint Value, Arrival Arrival)>> _weak = [];

    // The bitmap in which the collectable blocks that live are marked; null if all of them live.
    private readonly uint? _collectable;

    private Checkmark(TracedRecords records, uint? collectable)
    {
        _live = new LiveBlocks(records);
        _collectable = collectable;
    }

    private readonly record struct Arrival(string? Root, nint From, long Offset);

    /// <summary>Finds everything that can be reached now.</summary>
    /// <param name="records">The heap.</param>
    /// <param name="collectable">The bitmap in which the collectable blocks that live are marked; null if all of them live.</param>
    /// <exception cref="HeapCorruptionException">A reference does not lead to a live block; the message has the path to it.</exception>
    public static Checkmark Reach(TracedRecords records, uint? collectable)
    {
        Checkmark made = new(records, collectable);
        records.Roots.Show((root, block) => made.Arrive(block, new Arrival(root, 0, 0)));
        PointerVisitor follow = (block, offset, pointer) => made.Follow(pointer, new Arrival(null, block, offset));
        while (made._open.TryPop(out nint block))
        {
            made._live.TryFind(block, out TracedSpan* span);
            made.FollowValues(block);
            if (SpanClasses.Info(span->SpanClass)->Form == TracedForm.WeakEntries)
            {
                made.FollowEntries(block, span);
            }
            else
            {
                PointerSlots.Visit(block, span, made._live, follow);
            }
        }

        return made;
    }

    /// <summary>Requires that the marked blocks have as many bytes as marking has counted.</summary>
    /// <exception cref="HeapCorruptionException">They have more or fewer bytes.</exception>
    public static void RequireCounted(TracedRecords records, uint bitmap, long counted)
    {
        long bytes = 0;
        TracedBitWalk marked = new(records.Pages, bitmap);
        while (marked.MoveNext())
        {
            bytes += (long)marked.Span->Span.SlotSize;
        }

        if (bytes != counted)
        {
            throw new HeapCorruptionException(
                $"Marking the heap '{records.Heap.Name}' counted {counted} bytes, but the blocks that it marked have {bytes}. Nothing is freed.", 0, null);
        }
    }

    /// <summary>Whether everything that was reached is marked.</summary>
    public bool IsMarked(uint bitmap) => _reached.Keys.All(block => TracedBits.IsSet(block, bitmap));

    /// <summary>Requires that everything that was reached is marked.</summary>
    /// <exception cref="HeapCorruptionException">A block is not marked; the message has the path to it.</exception>
    public void RequireMarked(uint bitmap)
    {
        List<nint> missed = [.. _reached.Keys.Where(block => !TracedBits.IsSet(block, bitmap))];
        if (missed.Count > 0)
        {
            // If a block is missed, so is everything that only it leads to. The one nearest to the roots was reached first.
            throw new HeapCorruptionException(
                $"Marking the heap '{_live.Records.Heap.Name}' has missed {missed.Count} of {_reached.Count} blocks, first {WayTo(missed[0])}. Nothing is freed.",
                missed[0],
                null);
        }
    }

    /// <summary>Requires that nothing else is marked.</summary>
    /// <exception cref="HeapCorruptionException">A block that was not reached is marked.</exception>
    public void RequireNothingElseMarked(uint bitmap)
    {
        TracedBitWalk marked = new(_live.Records.Pages, bitmap);
        while (marked.MoveNext())
        {
            // Collectable blocks live as the program says, or all of them do.
            bool isFree = SpanClasses.Info(marked.Span->SpanClass)->Form == TracedForm.Collectable;
            if (!isFree && !_reached.ContainsKey(marked.Current))
            {
                throw new HeapCorruptionException(
                    $"Marking the heap '{_live.Records.Heap.Name}' has marked {ReferenceFault.NameOf(marked.Current)}, which no root reaches. Nothing is freed.",
                    marked.Current,
                    null);
            }
        }
    }

    // The block has been reached: if it is a key, its values are, too.
    private void FollowValues(nint key)
    {
        if (_weak.Remove(key, out List<(nint Value, Arrival Arrival)>? values))
        {
            values.ForEach(value => Follow(value.Value, value.Arrival));
        }
    }

    private void FollowEntries(nint array, TracedSpan* span) => PointerSlots.VisitEntries(array, span, (entry, key, value) =>
    {
        Arrival arrival = new(null, array, PointerSlots.ValueOffset(array, entry));
        if (_reached.ContainsKey(key) || LivesUnreached(key))
        {
            Follow(value, arrival);
        }
        else if (_weak.TryGetValue(key, out List<(nint Value, Arrival Arrival)>? values))
        {
            values.Add((value, arrival));
        }
        else
        {
            _weak.Add(key, [(value, arrival)]);
        }
    });

    // Collectable blocks live as the program says.
    private bool LivesUnreached(nint key) =>
        _live.TryFind(key, out TracedSpan* span) && SpanClasses.Info(span->SpanClass)->Form == TracedForm.Collectable
        && (_collectable is not { } bitmap || TracedBits.IsSet(key, bitmap));

    private void Follow(nint pointer, Arrival arrival)
    {
        if (pointer != 0)
        {
            Arrive(pointer, arrival);
        }
    }

    private void Arrive(nint block, Arrival arrival)
    {
        if (_reached.ContainsKey(block))
        {
            return;
        }

        if (!_live.TryFind(block, out _))
        {
            throw ReferenceFault.Of(WayOf(arrival), block, _live);
        }

        _reached.Add(block, arrival);
        _open.Push(block);
    }

    private string WayTo(nint block) => $"{WayOf(_reached[block])} -> {ReferenceFault.NameOf(block)}";

    // The path from the root: the blocks on the way, then where in the last one the reference lies.
    private string WayOf(Arrival last)
    {
        List<string> steps = [];
        Arrival arrival = last;
        for (; arrival.Root == null; arrival = _reached[arrival.From])
        {
            steps.Add($"{ReferenceFault.NameOf(arrival.From)} {ReferenceFault.NameOf(arrival.Offset)}");
        }

        steps.Add(arrival.Root);
        steps.Reverse();
        return ReferenceFault.WayBy(steps);
    }
}
