using System.Diagnostics.CodeAnalysis;
using SpanHeap.Layouts;
using SpanHeap.Spans;
using SpanHeap.Sweeping;

namespace SpanHeap.Tracing;

/// <summary>
/// Blocks without references that only the program can know to be dead. A collection keeps all that are allocated, except one that
/// the program leads: that keeps those it marks, and those that the heap's roots reach.
/// </summary>
/// <remarks>
/// By the collecting thread, while the gate is closed, all is swept and caches have given back what they had: so all spans are in the
/// lists of their kinds, and alloc bits are those of blocks.
/// </remarks>
internal sealed unsafe class CollectableBlocks(TracedHeap heap)
{
    /// <summary>Marks all, by copying alloc bits: 64 bytes a page.</summary>
    /// <returns>Bytes marked.</returns>
    public long MarkAll(uint plane)
    {
        long bytes = 0;
        SpanWalk spans = new(heap);
        while (spans.MoveNext())
        {
            TracedSlots.Copy(spans.Current, plane ^ 1, plane);
            bytes += spans.Current->Allocated * (long)spans.Current->Span.SlotSize;
        }

        return bytes;
    }

    /// <summary>Takes all marks away.</summary>
    public void Unmark(uint plane)
    {
        SpanWalk spans = new(heap);
        while (spans.MoveNext())
        {
            TracedSlots.Clear(spans.Current, plane);
        }
    }

    /// <summary>Marks one; nothing for address 0.</summary>
    /// <returns>Bytes marked: none, if it was before.</returns>
    /// <exception cref="HeapCorruptionException">It is none of this heap's. Nothing has changed.</exception>
    public long Mark(nint address, uint plane)
    {
        if (address == 0)
        {
            return 0;
        }

        if (!TracedLookup.TryFind(address, heap.Serial, out TracedSpan* span, out nint slot) || slot != address
            || TracedKinds.Info(span->Kind)->Form != TracedForm.Collectable || !TracedBits.IsSet(address, plane ^ 1))
        {
            Refuse(address, span);
        }

        if (TracedBits.IsSet(address, plane))
        {
            return 0;
        }

        *TracedBits.WordOf(address, plane) |= TracedBits.BitOf(address);
        return (long)span->Span.SlotSize;
    }

    [DoesNotReturn]
    private void Refuse(nint address, TracedSpan* span)
    {
        string what = span == null ? "which lies in no traced memory of it"
            : TracedKinds.Info(span->Kind)->Form != TracedForm.Collectable ? "which is of blocks that live as long as something refers to them"
            : TracedSlots.StartOf(span, address) != address ? "which is not where a block begins"
            : "where no block is allocated";
        throw new HeapCorruptionException($"0x{address:x} was marked as a collectable block of the heap '{heap.Name}', {what}. It is ignored.", address, null);
    }

    // Visits all spans of collectable blocks, list by list.
    private ref struct SpanWalk(TracedHeap heap)
    {
        private readonly TracedHeap _heap = heap;
        private readonly int _lists = heap.Spans.HadCollectableBlocks ? TracedKinds.Count * 2 : 0;

        // Two for each kind: swept spans without a free slot, and with some.
        private int _list;

        public TracedSpan* Current { get; private set; }

        public bool MoveNext()
        {
            Current = Current != null ? (TracedSpan*)Current->Span.Next : null;
            for (; Current == null && _list < _lists; _list++)
            {
                uint kind = (uint)_list / 2;
                if (TracedKinds.Info(kind)->Form == TracedForm.Collectable)
                {
                    Current = _heap.Spans.SetOf(kind)->First(TracedSpanSet.ListOf(_heap.Sweeper.Generation, full: _list % 2 == 0));
                }
            }

            return Current != null;
        }
    }
}
