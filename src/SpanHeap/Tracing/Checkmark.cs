using SpanHeap.Layouts;
using SpanHeap.Spans;

namespace SpanHeap.Tracing;

/// <summary>
/// Finds what the roots reach a second time, in the simplest way there is, on one thread and in memory of its own; and compares that
/// with what marking found. Slow, and of no other use than to find errors of the marker.
/// </summary>
/// <remarks>
/// No thread is in a scope, and all is swept. Handles may be freed meanwhile, so roots become fewer: what was reached before marking may
/// be marked, and what is reached after it must be.
/// </remarks>
internal sealed unsafe class Checkmark
{
    private readonly LiveBlocks _live;
    private readonly Stack<nint> _open = new();

    // How each block was reached first.
    private readonly Dictionary<nint, Arrival> _reached = [];

    private Checkmark(TracedHeap heap) => _live = new LiveBlocks(heap);

    private readonly record struct Arrival(string? Root, nint From, long Offset);

    /// <summary>Reaches what can be reached now.</summary>
    /// <exception cref="HeapCorruptionException">A reference leads to no live block; the message has the way to it.</exception>
    public static Checkmark Reach(TracedHeap heap)
    {
        Checkmark made = new(heap);
        heap.Roots.Show((root, block) => made.Arrive(block, new Arrival(root, 0, 0)));
        PointerVisitor follow = (block, offset, pointer) => made.Follow(pointer, new Arrival(null, block, offset));
        while (made._open.TryPop(out nint block))
        {
            made._live.TryFind(block, out TracedSpan* span);
            PointerSlots.Visit(block, span, made._live, follow);
        }

        return made;
    }

    /// <summary>The blocks that are marked must have as many bytes as marking has counted.</summary>
    /// <exception cref="HeapCorruptionException">They have more, or fewer.</exception>
    public static void RequireCounted(TracedHeap heap, uint plane, long counted)
    {
        long bytes = 0;
        TracedBitWalk marked = new(heap.Core, plane);
        while (marked.MoveNext())
        {
            bytes += (long)marked.Span->Span.SlotSize;
        }

        if (bytes != counted)
        {
            throw new HeapCorruptionException(
                $"Marking the heap '{heap.Name}' has counted {counted} bytes, and the blocks it marked have {bytes}. Nothing is freed.", 0, null);
        }
    }

    /// <summary>Whether all that is reached is marked.</summary>
    public bool IsMarked(uint plane) => _reached.Keys.All(block => TracedBits.IsSet(block, plane));

    /// <summary>All that is reached must be marked.</summary>
    /// <exception cref="HeapCorruptionException">A block is not; the message has the way to it.</exception>
    public void RequireMarked(uint plane)
    {
        List<nint> missed = [.. _reached.Keys.Where(block => !TracedBits.IsSet(block, plane))];
        if (missed.Count > 0)
        {
            // Of a lost block all that it alone leads to is lost: the one nearest to the roots was reached first.
            throw new HeapCorruptionException(
                $"Marking the heap '{_live.Heap.Name}' has missed {missed.Count} of {_reached.Count} blocks, first {WayTo(missed[0])}. Nothing is freed.",
                missed[0],
                null);
        }
    }

    /// <summary>Nothing that was not reached may be marked.</summary>
    /// <exception cref="HeapCorruptionException">Something is.</exception>
    public void RequireNothingElseMarked(uint plane)
    {
        TracedBitWalk marked = new(_live.Heap.Core, plane);
        while (marked.MoveNext())
        {
            // Of collectable blocks the program says which live, or all do.
            bool isFree = TracedKinds.Info(marked.Span->Kind)->Form == TracedForm.Collectable;
            if (!isFree && !_reached.ContainsKey(marked.Current))
            {
                throw new HeapCorruptionException(
                    $"Marking the heap '{_live.Heap.Name}' has marked {ReferenceFault.NameOf(marked.Current)}, which no root reaches. Nothing is freed.",
                    marked.Current,
                    null);
            }
        }
    }

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

    // From the root on: the ways of the blocks before it, then where in the last of them the reference lies.
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
