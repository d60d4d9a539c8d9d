using System.Diagnostics.CodeAnalysis;
using SpanHeap.Traced.Contract;
using SpanHeap.Traced.Layouts;
using SpanHeap.Traced.Spans;
using SpanHeap.Traced.Sweeping;

namespace SpanHeap.Traced.Marking;

/// <summary>
/// Blocks without references that only the program can know to be dead. An ordinary collection keeps all that are allocated; a mark session keeps
/// those that the program marks and those that the heap's roots reach.
/// </summary>
/// <remarks>
/// Used by the collecting thread, while the gate is closed, everything is swept and caches have given back what they had. So all spans are in the
/// lists of their span classes or, with full checks, in quarantine, and alloc bits are those of blocks.
/// </remarks>
internal sealed unsafe class CollectableBlocks(HeapIdentity heap, TracedSpanSource spans, Sweeper sweeper, DeadSpanQuarantine? quarantine)
{
    /// <summary>Marks all blocks, by copying alloc bits: 64 bytes a page.</summary>
    /// <returns>The bytes marked.</returns>
    public long MarkAll(uint bitmap)
    {
        long bytes = 0;
        SpanWalk walk = new(spans, sweeper.Generation, quarantine);
        while (walk.MoveNext())
        {
            TracedSlots.Copy(walk.Current, bitmap ^ 1, bitmap);
            bytes += walk.Current->Allocated * (long)walk.Current->Span.SlotSize;
        }

        return bytes;
    }

    /// <summary>Removes all marks.</summary>
    public void Unmark(uint bitmap)
    {
        SpanWalk walk = new(spans, sweeper.Generation, quarantine);
        while (walk.MoveNext())
        {
            TracedSlots.Clear(walk.Current, bitmap);
        }
    }

    /// <summary>Marks one block; does nothing for address 0.</summary>
    /// <returns>The bytes marked: 0 if the block was marked before.</returns>
    /// <exception cref="HeapCorruptionException">It is not a collectable block of this heap. Nothing has changed.</exception>
    public long Mark(nint address, uint bitmap)
    {
        if (address == 0)
        {
            return 0;
        }

        if (!TracedLookup.TryFind(address, heap.Serial, out TracedSpan* span, out nint slot) || slot != address
            || SpanClasses.Info(span->SpanClass)->Form != TracedForm.Collectable || !TracedBits.IsSet(address, bitmap ^ 1))
        {
            Refuse(address, span);
        }

        if (TracedBits.IsSet(address, bitmap))
        {
            return 0;
        }

        *TracedBits.WordOf(address, bitmap) |= TracedBits.BitOf(address);
        return (long)span->Span.SlotSize;
    }

    [DoesNotReturn]
    private void Refuse(nint address, TracedSpan* span)
    {
        string what = span == null ? "which is not in its traced memory"
            : SpanClasses.Info(span->SpanClass)->Form != TracedForm.Collectable ? "which is a block that lives as long as something refers to it"
            : TracedSlots.StartOf(span, address) != address ? "which is not the start of a block"
            : "where no block is allocated";
        throw new HeapCorruptionException($"0x{address:x} was marked as a collectable block of the heap '{heap.Name}', {what}. It is ignored.", address, null);
    }

    // Visits all spans of collectable blocks, list by list.
    private ref struct SpanWalk(TracedSpanSource spans, uint generation, DeadSpanQuarantine? quarantine)
    {
        private readonly TracedSpanSource _spans = spans;
        private readonly uint _generation = generation;
        private readonly DeadSpanQuarantine? _quarantine = quarantine;
        private readonly int _lists = spans.HadCollectableBlocks ? (SpanClasses.Count * 2) + 1 : 0;

        // First the quarantine, with any span class; then two lists for each span class: swept spans without a free slot, and with some.
        private int _list;

        public TracedSpan* Current { get; private set; }

        public bool MoveNext()
        {
            do
            {
                Current = Current != null ? (TracedSpan*)Current->Span.Next : null;
                for (; Current == null && _list < _lists; _list++)
                {
                    Current = First(_list);
                }
            }
            while (Current != null && SpanClasses.Info(Current->SpanClass)->Form != TracedForm.Collectable);

            return Current != null;
        }

        private readonly TracedSpan* First(int list)
        {
            if (list == 0)
            {
                return _quarantine != null ? _quarantine.FirstWithLive(_generation) : null;
            }

            uint spanClass = (uint)(list - 1) / 2;
            return SpanClasses.Info(spanClass)->Form == TracedForm.Collectable
                ? _spans.SetOf(spanClass)->First(TracedSpanSet.ListOf(_generation, full: list % 2 != 0))
                : null;
        }
    }
}
