using System.Runtime.CompilerServices;
using SpanHeap.Checks;
using SpanHeap.Os;
using SpanHeap.Spans;

namespace SpanHeap.Caches;

/// <summary>
/// Gives blocks back to their spans: clears their alloc bits, lists spans that had no free slot, and releases spans that have become empty. This is
/// the only place where blocks become available to a refill again, and where misuse is found late.
/// </summary>
internal sealed unsafe class SpanReturn(SpanSource spans, MisuseLog misuse, NotedCaches noted)
{
    /// <summary>
    /// The number of empty spans of a class that a cache keeps, so that a program at the edge of a span does not create and release it all the time.
    /// </summary>
    private const int KeptEmptySpans = 2;

    /// <summary>Returns blocks to the spans of one owner, whose lock the caller holds.</summary>
    /// <param name="owner">The cache.</param>
    /// <param name="blocks">Addresses in arenas; overwritten.</param>
    /// <param name="count">The number of blocks.</param>
    /// <returns>The number of blocks that turned out to belong to other owners. They now stand at the start of <paramref name="blocks"/>.</returns>
    public int Return(ThreadCache* owner, nint* blocks, int count)
    {
        owner->Lock.AssertHeld();
        nint* end = blocks + count;
        nint* others = blocks;
        for (nint* next = blocks; next < end;)
        {
            uint mine = new BlockLocator(*next).Entry - owner->Owner.Tag;
            if (mine > PageEntry.OwnerMask)
            {
                *others++ = *next++;
                continue;
            }

            // Most batches are of one class, so whatever concerns the class is done once.
            uint sizeClass = PageEntry.SizeClass(mine);
            nint* first = next;
            int rejected = 0;
            ReturnResult result;
            do
            {
                next = ReturnSome(next, end, PageEntry.OfBlocks(owner->Owner.Tag, 0, sizeClass), in SizeClasses.Info(sizeClass), out result);
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
            ClassBin* bin = ThreadCache.Bin(owner, sizeClass);
            bin->Outstanding -= (int)(next - first) - rejected;
            Invariant.Assert(SizeClasses.IsOwnSpan(sizeClass) || bin->Outstanding >= 0, "No more blocks come back than are out.");
        }

        return (int)(others - blocks);
    }

    /// <summary>
    /// Returns one block by its owner's protocol: find the owner, take its lock, make sure it still is the owner, return the block.
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public void ReturnOne(nint block)
    {
        LockOrder.AssertNoneHeld();
        while (true)
        {
            ThreadCache* owner = OwnerOf(block);
            if (owner == null)
            {
                misuse.Record(block, MisuseKind.DoubleFree);
                return;
            }

            InterleavingPoints.At(InterleavingPoint.OwnerRead);
            owner->Lock.Enter();
            bool others = Return(owner, &block, 1) != 0;
            owner->Lock.Exit();
            if (!others)
            {
                return;
            }
        }
    }

    /// <summary>Gets the cache that owns the span in which an address of an arena lies, as it appears without a lock; null for none.</summary>
    public static ThreadCache* OwnerOf(nint block)
    {
        uint entry = Volatile.Read(ref *ArenaHeader.EntryOf(block));
        return entry == PageEntry.Unused || PageEntry.IsInside(entry) ? null : ThreadCachePool.ByEntry(entry);
    }

    // Returns blocks whose entries are those of the class (except for the page within the span) until one is not, or needs a closer look. This is a
    // method of its own so that everything a turn needs is in registers: it runs once for each block that a program frees beyond what its stacks and
    // depots hold. Neighbors are often freed one after another, so a span is looked up when an address lies outside the last one. The caller holds the
    // owner's lock, under which a span keeps its pages and its place until the method returns.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static nint* ReturnSome(nint* next, nint* end, uint ofClass, in SizeClassInfo info, out ReturnResult result)
    {
        ulong reciprocal = info.Reciprocal;
        uint slots = (uint)info.Slots;
        nuint bytes = slots * info.Size;

        // No arena lies so low that the first address is taken for one of this.
        nint start = 0;
        Span* span = null;
        for (; next < end; next++)
        {
            nuint within = (nuint)(*next - start);
            if (within >= bytes)
            {
                BlockLocator place = new(*next);
                uint rest = place.Entry - ofClass;
                if ((rest & ~PageEntry.PageWithinSpanBits) != 0)
                {
                    break;
                }

                place.Resolve(rest);
                within = (nuint)place.Within;
                start = *next - (nint)within;
                span = place.Span;
            }

            // For each block the heap checks that it gave this address out and has not received it back since. These compares cost nothing beside the
            // cache lines that are needed anyway.
            ulong product = within * reciprocal;
            uint slot = (uint)(product >> 32);
            ulong bit = 1UL << (int)slot;
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

    // The standing of a span changes: from full to listed, or to empty.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Settle(ThreadCache* owner, Span* span)
    {
        owner->Lock.AssertHeld();
        Invariant.Assert(span->Owner == &owner->Owner && span->FreeSlots > 0 && span->FreeSlots <= span->Slots, "The span is the owner's, and a slot of it has become free.");
        ClassBin* bin = ThreadCache.Bin(owner, span->SizeClass);
        bool empty = span->FreeSlots == span->Slots;
        if (empty && (span->Slots == 1 || bin->EmptySpans >= KeptEmptySpans))
        {
            if (span->Listed)
            {
                bin->Remove(span);
            }

            bin->Spans--;
            spans.Release(span);
            return;
        }

        if (!empty && !span->Listed)
        {
            bin->AddFirst(span);
        }

        if (empty)
        {
            // Last in the list: spans in use are filled before it, and a thread that releases empty spans finds it at once.
            if (span->Listed)
            {
                bin->Remove(span);
            }

            bin->AddLast(span);
            bin->EmptySpans++;
        }

        if (!ThreadCache.IsOwned(owner))
        {
            noted.Note(owner);
        }
    }

    /// <summary>
    /// Makes slots available again that were all taken together and whose memory has been given back. The caller holds the lock of the span's owner.
    /// </summary>
    /// <returns>The number of slots.</returns>
    public int GiveBackScavenged(ThreadCache* owner, Span* span, ulong* taken)
    {
        owner->Lock.AssertHeld();
        ClassBin* bin = ThreadCache.Bin(owner, span->SizeClass);
        int count = AllocBits.GiveBack(span, taken);
        bin->Outstanding -= count;
        Invariant.Assert(bin->Outstanding >= 0, "No more slots come back than were taken.");
        span->ScavengedSlots = span->SeenSlots = (ushort)span->FreeSlots;

        // After all others, whose memory is still there. (It is already listed if a block came back meanwhile.)
        if (!span->Listed)
        {
            bin->AddLast(span);
        }

        // Last, because the pages of the span may belong to another owner afterwards.
        Settle(owner, span);
        return count;
    }

    /// <summary>Releases the empty spans of a bin. Call without a lock; the lock is taken for a few spans at a time.</summary>
    public void ReleaseEmptySpans(ThreadCache* cache, ClassBin* bin)
    {
        LockOrder.AssertNoneHeld();
        ScavengeWalk walk = default;
        cache->Lock.Enter();
        ScavengeWalk.Begin(&walk, bin);
        for (int looks = 1; bin->EmptySpans > 0 && walk.IsOn; looks++)
        {
            Span* span = ScavengeWalk.Advance(&walk);
            if (span->FreeSlots == span->Slots)
            {
                bin->Remove(span);
                bin->EmptySpans--;
                bin->Spans--;
                spans.Release(span);
            }

            if (looks % ScavengeWalk.SpansPerStep == 0)
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
