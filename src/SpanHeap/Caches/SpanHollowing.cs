using System.Runtime.CompilerServices;
using SpanHeap.Os;
using SpanHeap.Spans;

namespace SpanHeap.Caches;

/// <summary>A span whose free slots have been taken so that the memory under them can be given back.</summary>
internal unsafe ref struct HollowSpan
{
    // The most slots a shared span has: 64 KiB of 8-byte blocks.
    private const int MaxWords = 128;

    public Span* Span;

    private fixed ulong _taken[MaxWords];

    // Sound because a ref struct is on the stack, where nothing moves.
    public static ulong* Taken(ref HollowSpan hollow) => (ulong*)Unsafe.AsPointer(ref hollow._taken[0]);

    /// <summary>Gives back all pages of the system that lie wholly under free slots. Without a lock: the slots are the caller's.</summary>
    public readonly void Discard(OsMemory os)
    {
        nuint page = OsMemory.PageSize;
        int slot = 0;
        while (slot < Span->Slots)
        {
            int end = slot;
            while (end < Span->Slots && IsTaken(end))
            {
                end++;
            }

            nuint first = ((nuint)Span->Base + ((nuint)slot * Span->SlotSize) + page - 1) & ~(page - 1);
            nuint last = ((nuint)Span->Base + ((nuint)end * Span->SlotSize)) & ~(page - 1);
            if (end > slot && last > first)
            {
                os.Discard((nint)first, last - first);
            }

            slot = end + 1;
        }
    }

    private readonly bool IsTaken(int slot) => (_taken[slot >> 6] >> slot & 1) != 0;
}

/// <summary>
/// Gives back memory inside spans that are not wholly free. In the way of the page heap: the slots are taken under the lock, their pages
/// discarded without it, and then returned like any freed blocks.
/// </summary>
internal sealed unsafe class SpanHollowing(BlockReturn blockReturn)
{
    /// <summary>Takes the free slots of one span of a shelf that has gained some since it was last hollowed.</summary>
    /// <param name="cache">The cache of the shelf.</param>
    /// <param name="shelf">The shelf.</param>
    /// <param name="now">The heap's tick; only a shelf not used for a whole one is touched.</param>
    /// <param name="hollow">The span.</param>
    public bool TryTake(ThreadCache* cache, ClassShelf* shelf, uint now, out HollowSpan hollow)
    {
        hollow = default;
        cache->Lock.Enter();
        Span* span = shelf->UsedAt + 1 < now ? shelf->Head : null;
        while (span != null && !IsWorthwhile(span))
        {
            span = span->Next;
        }

        if (span != null)
        {
            hollow.Span = span;
            shelf->EmptySpans -= span->FreeSlots == span->Slots ? 1 : 0;
            shelf->Remove(span);
            shelf->Outstanding += span->FreeSlots;
            AllocBits.TakeAll(span, HollowSpan.Taken(ref hollow));
        }

        cache->Lock.Exit();
        return span != null;
    }

    /// <summary>Returns the slots to whoever owns the span by now.</summary>
    public void GiveBack(ref HollowSpan hollow)
    {
        // The span cannot be released, and its record is a span, as long as the slots are not returned.
        Span* span = hollow.Span;
        while (true)
        {
            ThreadCache* owner = (ThreadCache*)Volatile.Read(ref span->Owner);
            InterleavingPoints.At(InterleavingPoint.OwnerRead);
            owner->Lock.Enter();
            bool still = (ThreadCache*)span->Owner == owner;
            if (still)
            {
                blockReturn.GiveBackHollow(owner, span, HollowSpan.Taken(ref hollow));
            }

            owner->Lock.Exit();
            if (still)
            {
                return;
            }
        }
    }

    private static bool IsWorthwhile(Span* span) =>
        span->FreeSlots > span->HollowSlots && (nuint)span->FreeSlots * span->SlotSize >= OsMemory.PageSize;
}
