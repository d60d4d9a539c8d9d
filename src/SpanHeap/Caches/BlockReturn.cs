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
    /// <summary>Empty spans of a class that a cache keeps, so that a program at the edge of a span does not make and release it all the time.</summary>
    private const int KeptEmptySpans = 2;

    /// <summary>Returns blocks to the spans of one owner, whose lock the caller holds.</summary>
    /// <param name="owner">The cache.</param>
    /// <param name="blocks">Addresses in arenas; overwritten.</param>
    /// <param name="count">How many.</param>
    /// <returns>How many blocks turned out to be other owners'; they now stand at the start of <paramref name="blocks"/>.</returns>
    public int Return(ThreadCache* owner, nint* blocks, int count)
    {
        uint ownerTag = owner->OwnerTag;
        int others = 0;
        int returned = 0;
        uint sizeClass = SizeClasses.None;
        SizeClassInfo info = SizeClasses.Info(sizeClass);
        for (int i = 0; i < count; i++)
        {
            nint block = blocks[i];
            BlockPlace place = new(block);
            uint mine = place.Entry - ownerTag;
            if (mine > PageEntry.OwnerMask)
            {
                blocks[others++] = block;
                continue;
            }

            // Most batches are of one class: what is of the class is done once.
            if (PageEntry.SizeClass(mine) != sizeClass)
            {
                ThreadCache.Shelf(owner, sizeClass)->Outstanding -= returned;
                returned = 0;
                sizeClass = PageEntry.SizeClass(mine);
                info = SizeClasses.Info(sizeClass);
            }

            // Once per block the heap looks whether it ever gave this address out and has not had it back: compares that cost nothing
            // beside the cache lines they need anyway.
            place.Resolve(mine);
            ulong product = place.Within * info.Reciprocal;
            uint slot = (uint)(product >> 32);
            ulong bit = 1UL << (int)slot;
            Span* span = place.Span;
            ulong* word = ArenaHeader.AllocBits(span) + (slot >> 6);
            if ((uint)product >= info.Reciprocal || slot >= (uint)info.Slots || (*word & bit) == 0)
            {
                Reject(block, isStart: (uint)product < info.Reciprocal && slot < (uint)info.Slots);
                continue;
            }

            *word ^= bit;
            returned++;
            int free = span->FreeSlots + 1;
            span->FreeSlots = free;
            if (!span->Listed || free == info.Slots)
            {
                Settle(owner, span);
            }
        }

        ThreadCache.Shelf(owner, sizeClass)->Outstanding -= returned;
        return others;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Reject(nint block, bool isStart) =>
        misuse.Record(block, isStart ? MisuseKind.DoubleFree : MisuseKind.InteriorPointer);

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

    /// <summary>
    /// Makes slots available again that were all taken at once, and whose memory has been given back. The caller holds the lock of the
    /// span's owner.
    /// </summary>
    public void GiveBackHollow(ThreadCache* owner, Span* span, ulong* taken)
    {
        ThreadCache.Shelf(owner, span->SizeClass)->Outstanding -= AllocBits.GiveBack(span, taken);
        span->HollowSlots = span->FreeSlots;

        // Last: the span may be somebody else's pages afterwards.
        Settle(owner, span);
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
