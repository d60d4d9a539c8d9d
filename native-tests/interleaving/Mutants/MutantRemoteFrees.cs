using SpanHeap.Caches;
using SpanHeap.Checks;
using SpanHeap.Heap;
using SpanHeap.Os;
using SpanHeap.Spans;

namespace SpanHeap.Tests.Interleaving.Mutants;

/// <summary>Like <see cref="RemoteFrees"/>, each method with one step done wrongly.</summary>
internal static unsafe class MutantRemoteFrees
{
    /// <summary>Returns a block to the owner that its page entry named before that owner's lock was taken.</summary>
    public static void ReturnToFormerOwner(nint block)
    {
        uint entry = Volatile.Read(ref *ArenaHeader.EntryOf(block));
        ThreadCache* owner = ThreadCachePool.ByEntry(entry);
        InterleavingPoints.At(InterleavingPoint.OwnerRead);
        owner->Lock.Enter();
        Span* span = ArenaHeader.SpanOf(block, entry);
        Assert.True(LiveBits.TryFindSlot(block, entry, out _, out int slot));
        ArenaHeader.AllocBits(span)[slot / 64] &= ~(1UL << slot);
        span->FreeSlots++;
        ClassBin* bin = ThreadCache.Bin(owner, span->SizeClass);
        if (!span->Listed)
        {
            bin->AddFirst(span);
        }

        bin->EmptySpans += span->FreeSlots == span->Slots ? 1 : 0;
        owner->Lock.Exit();
    }

    /// <summary>Sends blocks of one owner and class with a read and a write of the inbox where a compare-exchange belongs.</summary>
    public static void SendWithoutCompareExchange(HeapCore heap, nint[] blocks)
    {
        uint entry = Volatile.Read(ref *ArenaHeader.EntryOf(blocks[0]));
        ThreadCache* owner = ThreadCachePool.ByEntry(entry);
        Assert.True(heap.Magazines.TryGrow());
        Magazine* magazine = heap.Magazines.TryTake();
        blocks.CopyTo(new Span<nint>(Magazine.Blocks(magazine), blocks.Length));
        magazine->Count = blocks.Length;
        magazine->SizeClass = (byte)PageEntry.SizeClass(entry);
        magazine->Next = (Magazine*)Volatile.Read(ref owner->Inbox);
        InterleavingPoints.At(InterleavingPoint.InboxRead);
        Volatile.Write(ref owner->Inbox, (nint)magazine);
        Interlocked.Increment(ref owner->InboxCount);
    }
}
