using SpanHeap.Spans;

namespace SpanHeap.Caches;

/// <summary>Taking in what others have sent, and giving blocks back to their spans.</summary>
internal sealed unsafe partial class CacheStock
{
    /// <summary>
    /// Returns what other threads have sent; blocks of the wanted class go right on the stack as far as it has room.
    /// </summary>
    public void DrainInbox(ThreadCache* cache, uint wantedClass, ClassStack* stack)
    {
        Magazine* magazine = (Magazine*)Interlocked.Exchange(ref cache->Inbox, 0);
        int taken = 0;
        while (magazine != null)
        {
            Magazine* next = magazine->Next;
            if (stack != null)
            {
                KeepWanted(cache, magazine, wantedClass, stack);
            }

            ReturnAll(cache, magazine);
            magazine = next;
            taken++;
        }

        Interlocked.Add(ref cache->InboxCount, -taken);
    }

    /// <summary>Returns all blocks of a magazine; it is empty then, or pending when some are other owners'.</summary>
    public void ReturnAll(ThreadCache* cache, Magazine* magazine)
    {
        int others = blockReturn.Return(cache, Magazine.Blocks(magazine), magazine->Count);
        if (others == 0)
        {
            GiveEmpty(cache, magazine);
            return;
        }

        PutAside(cache, magazine, others);
    }

    /// <summary>Returns all blocks in the depot of a class.</summary>
    public void DrainDepot(ThreadCache* cache, uint sizeClass)
    {
        ClassShelf* shelf = ThreadCache.Shelf(cache, sizeClass);
        while (shelf->DepotCount > 0)
        {
            Magazine* magazine = shelf->Pop();
            cache->DepotBytes -= (long)magazine->Count * SizeClasses.Info(sizeClass).Size;
            ReturnAll(cache, magazine);
        }
    }

    private static void KeepWanted(ThreadCache* cache, Magazine* magazine, uint wantedClass, ClassStack* stack)
    {
        nint* blocks = Magazine.Blocks(magazine);
        uint wanted = PageEntry.OfBlocks(cache->OwnerTag, 0, wantedClass);
        int left = 0;
        for (int i = 0; i < magazine->Count; i++)
        {
            nint block = blocks[i];
            uint entry = *ArenaHeader.EntryOf(block) & ~PageEntry.PageWithinSpanBits;
            if (entry != wanted || !ClassStack.TryPush(stack, (void*)block))
            {
                blocks[left++] = block;
            }
        }

        magazine->Count = left;
    }

    // Blocks of other owners cannot be returned here: that would take a second cache's lock.
    private static void PutAside(ThreadCache* cache, Magazine* magazine, int others)
    {
        magazine->Count = others;
        magazine->IsMixed = true;
        magazine->Next = cache->Pending;
        cache->Pending = magazine;
    }
}
