using System.Runtime.CompilerServices;
using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Caches;

/// <summary>
/// Gives blocks back to their spans: clears their alloc bits, lists spans that had no free slot, and releases spans that have become
/// empty. The only place where blocks become available to a refill again, and where misuse is found late.
/// </summary>
internal sealed unsafe class BlockReturn(SpanSource spans, MisuseLog misuse, CacheRegistry registry)
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
        nint* end = blocks + count;
        nint* others = blocks;
        for (nint* next = blocks; next < end;)
        {
            uint mine = new BlockPlace(*next).Entry - owner->OwnerTag;
            if (mine > PageEntry.OwnerMask)
            {
                *others++ = *next++;
                continue;
            }

            // Most batches are of one class: what is of the class is done once.
            uint sizeClass = PageEntry.SizeClass(mine);
            nint* first = next;
            int rejected = 0;
            ReturnResult result;
            do
            {
                next = ReturnSome(next, end, PageEntry.OfBlocks(owner->OwnerTag, 0, sizeClass), in SizeClasses.Info(sizeClass), out result);
                if (result == ReturnResult.SpanChanged)
                {
                    Settle(owner, ArenaHeader.SpanOf(next[-1], *ArenaHeader.EntryOf(next[-1])));
                }
                else if (result == ReturnResult.Misuse)
                {
                    Reject(*next++);
                    rejected++;
                }
            }
            while (result != ReturnResult.Done);
            ThreadCache.Shelf(owner, sizeClass)->Outstanding -= (int)(next - first) - rejected;
        }

        return (int)(others - blocks);
    }

    // Returns blocks whose entries are those of the class (but for the page within the span), till one is not or needs a look. A
    // method of its own with all that a turn needs in registers: it runs once for each block that a program frees beyond what its
    // stacks and depots hold.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static nint* ReturnSome(nint* next, nint* end, uint ofClass, in SizeClassInfo info, out ReturnResult result)
    {
        ulong reciprocal = info.Reciprocal;
        uint slots = (uint)info.Slots;
        for (; next < end; next++)
        {
            BlockPlace place = new(*next);
            uint rest = place.Entry - ofClass;
            if ((rest & ~PageEntry.PageWithinSpanBits) != 0)
            {
                break;
            }

            // Once per block the heap looks whether it ever gave this address out and has not had it back: compares that cost nothing
            // beside the cache lines they need anyway.
            place.Resolve(rest);
            ulong product = place.Within * reciprocal;
            uint slot = (uint)(product >> 32);
            ulong bit = 1UL << (int)slot;
            Span* span = place.Span;
            ulong* word = ArenaHeader.AllocBits(span) + (slot >> 6);
            if ((uint)product >= (uint)reciprocal || slot >= slots || (*word & bit) == 0)
            {
                result = ReturnResult.Misuse;
                return next;
            }

            *word ^= bit;
            uint free = (uint)span->FreeSlots + 1;
            span->FreeSlots = (int)free;
            if (!span->Listed || free == slots)
            {
                result = ReturnResult.SpanChanged;
                return next + 1;
            }
        }

        result = ReturnResult.Done;
        return next;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Reject(nint block)
    {
        bool isStart = LiveBits.TryFindSlot(block, *ArenaHeader.EntryOf(block), out _, out _);
        misuse.Record(block, isStart ? MisuseKind.DoubleFree : MisuseKind.InteriorPointer);
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

        if (!empty && !span->Listed)
        {
            shelf->AddFirst(span);
        }

        if (empty)
        {
            // Last in the list: spans in use are filled before it, and whoever releases empty spans finds it at once.
            if (span->Listed)
            {
                shelf->Remove(span);
            }

            shelf->AddLast(span);
            shelf->EmptySpans++;
        }

        if (!ThreadCache.IsOwned(owner))
        {
            registry.NoteSpans(owner);
        }
    }

    /// <summary>
    /// Makes slots available again that were all taken at once, and whose memory has been given back. The caller holds the lock of the
    /// span's owner.
    /// </summary>
    public void GiveBackHollow(ThreadCache* owner, Span* span, ulong* taken)
    {
        ClassShelf* shelf = ThreadCache.Shelf(owner, span->SizeClass);
        shelf->Outstanding -= AllocBits.GiveBack(span, taken);
        span->HollowSlots = span->SeenSlots = (ushort)span->FreeSlots;

        // After all others, whose memory is still there. (Listed already, if a block came back meanwhile.)
        if (!span->Listed)
        {
            shelf->AddLast(span);
        }

        // Last: the span may be somebody else's pages afterwards.
        Settle(owner, span);
    }

    /// <summary>Releases the empty spans of a shelf. Call without a lock, which is taken for a few spans at a time.</summary>
    public void ReleaseEmptySpans(ThreadCache* cache, ClassShelf* shelf)
    {
        ScavengeWalk walk = default;
        cache->Lock.Enter();
        ScavengeWalk.Begin(&walk, shelf);
        for (int looks = 1; shelf->EmptySpans > 0 && walk.IsOn; looks++)
        {
            Span* span = ScavengeWalk.Advance(&walk);
            if (span->FreeSlots == span->Slots)
            {
                shelf->Remove(span);
                shelf->EmptySpans--;
                spans.Release(span);
            }

            if (looks % SpanScavenger.SpansPerStep == 0)
            {
                cache->Lock.Exit();
                cache->Lock.Enter();
            }
        }

        ScavengeWalk.End(&walk);
        cache->Lock.Exit();
    }

    private enum ReturnResult
    {
        Done,
        SpanChanged,
        Misuse,
    }
}
