using System.Runtime.CompilerServices;
using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Caches;

/// <summary>
/// Gives blocks back to their spans: clears their alloc bits, lists spans that had no free slot, and releases spans that have become
/// empty. The only place where blocks become available to a refill again, and where misuse is found late.
/// </summary>
internal sealed unsafe class BlockReturn(SpanSource spans, MisuseLog misuse)
{
    /// <summary>Empty spans of a class that a thread's cache keeps, so that a program at the edge of a span does not make and release it all the time.</summary>
    private const int KeptEmptySpans = 1;

    /// <summary>Returns blocks to the spans of one owner, whose lock the caller holds.</summary>
    /// <param name="owner">The cache.</param>
    /// <param name="blocks">Addresses in arenas; overwritten.</param>
    /// <param name="count">How many.</param>
    /// <param name="runs">How often the span changed from one block to the next: how far apart the blocks lie.</param>
    /// <returns>How many blocks turned out to be other owners'; they now stand at the start of <paramref name="blocks"/>.</returns>
    public int Return(ThreadCache* owner, nint* blocks, int count, out int runs)
    {
        uint ownerTag = owner->OwnerTag;
        int others = 0;
        int returned = 0;
        Span* span = null;
        ulong* bits = null;
        runs = 0;
        for (int i = 0; i < count; i++)
        {
            nint block = blocks[i];
            uint mine = *ArenaHeader.EntryOf(block) - ownerTag;
            if (mine > PageEntry.OwnerMask)
            {
                blocks[others++] = block;
                continue;
            }

            nint within = ((nint)PageEntry.PageWithinSpan(mine) << PageGeometry.PageShift) | (block & (PageGeometry.PageSize - 1));
            Span* its = ArenaHeader.SpanAt(block - within);
            if (its != span)
            {
                Credit(owner, span, returned);
                span = its;
                bits = ArenaHeader.AllocBits(its);
                returned = 0;
                runs++;
            }

            // Once per block the heap looks whether it ever gave this address out and has not had it back: two compares that cost
            // nothing beside the cache lines they need anyway.
            uint reciprocal = SizeClasses.Info(PageEntry.SizeClass(mine)).Reciprocal;
            ulong product = (ulong)within * reciprocal;
            int slot = (int)(product >> 32);
            if ((uint)product >= reciprocal || slot >= span->Slots)
            {
                misuse.Record(block, MisuseKind.InteriorPointer);
                continue;
            }

            ulong bit = 1UL << slot;
            ulong word = bits[slot >>> 6];
            if ((word & bit) == 0)
            {
                misuse.Record(block, MisuseKind.DoubleFree);
                continue;
            }

            bits[slot >>> 6] = word ^ bit;
            span->ScanFrom = Math.Min(span->ScanFrom, slot >>> 6);
            returned++;
        }

        Credit(owner, span, returned);
        return others;
    }

    // Counts slots that became free in one span, once for a run of blocks.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Credit(ThreadCache* owner, Span* span, int returned)
    {
        if (returned == 0)
        {
            return;
        }

        span->FreeSlots += returned;
        if (!span->Listed || span->FreeSlots == span->Slots)
        {
            Settle(owner, span);
        }
    }

    // A span's standing changes: from full to listed, or to empty.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Settle(ThreadCache* owner, Span* span)
    {
        ClassShelf* shelf = ThreadCache.Shelf(owner, span->SizeClass);
        bool empty = span->FreeSlots == span->Slots;
        if (empty && (span->Slots == 1 || shelf->EmptySpans >= KeptEmptySpans))
        {
            if (span->Listed)
            {
                shelf->Remove(span);
            }

            spans.Release(span);
            return;
        }

        if (!span->Listed)
        {
            shelf->Append(span);
        }

        shelf->EmptySpans += empty ? 1 : 0;
    }

    /// <summary>Releases the empty spans of a shelf. The caller holds the cache's lock.</summary>
    public void ReleaseEmptySpans(ClassShelf* shelf)
    {
        Span* span = shelf->Head;
        while (shelf->EmptySpans > 0 && span != null)
        {
            Span* next = span->Next;
            if (span->FreeSlots == span->Slots)
            {
                shelf->Remove(span);
                shelf->EmptySpans--;
                spans.Release(span);
            }

            span = next;
        }
    }
}
