using SpanHeap.Spans;

namespace SpanHeap.Caches;

/// <summary>Taking in what others have sent, and giving blocks back to their spans.</summary>
internal sealed unsafe partial class CacheStock
{
    /// <summary>Takes what other threads have sent to the calling thread's own cache, as if it had freed it all itself.</summary>
    public void TakeInbox(ThreadCache* cache)
    {
        Magazine* magazine = PopInbox(cache);
        while (magazine != null)
        {
            Magazine* next = magazine->Next;
            if (!TryKeepWhole(cache, magazine))
            {
                PushEach(cache, magazine);
                ReturnAll(cache, magazine);
            }

            magazine = next;
        }
    }

    /// <summary>Returns what other threads have sent to a cache, whoever's it is, to its spans.</summary>
    public void DrainInbox(ThreadCache* cache)
    {
        Magazine* magazine = PopInbox(cache);
        while (magazine != null)
        {
            Magazine* next = magazine->Next;
            ReturnAll(cache, magazine);
            magazine = next;
        }
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

    private static Magazine* PopInbox(ThreadCache* cache)
    {
        Magazine* first = (Magazine*)Interlocked.Exchange(ref cache->Inbox, 0);
        int taken = 0;
        for (Magazine* magazine = first; magazine != null; magazine = magazine->Next)
        {
            taken++;
        }

        Interlocked.Add(ref cache->InboxCount, -taken);
        return first;
    }

    // Blocks of one class, enough of them to be worth a place in the depot: not one of them needs to be touched.
    private static bool TryKeepWhole(ThreadCache* cache, Magazine* magazine)
    {
        uint sizeClass = magazine->SizeClass;
        if (SizeClasses.IsOwnSpan(sizeClass))
        {
            return false;
        }

        ref readonly SizeClassInfo info = ref SizeClasses.Info(sizeClass);
        ClassShelf* shelf = ThreadCache.Shelf(cache, sizeClass);
        long bytes = (long)magazine->Count * info.Size;
        if (magazine->Count < info.MaxParked / 2 || IsDepotFull(cache, shelf, bytes))
        {
            return false;
        }

        shelf->Push(magazine);
        cache->DepotBytes += bytes;
        return true;
    }

    // To the stacks of the owning thread, which the caller is, as far as they have room; what is left stays in the magazine.
    private void PushEach(ThreadCache* cache, Magazine* magazine)
    {
        nint* blocks = Magazine.Blocks(magazine);
        int left = 0;
        for (int i = 0; i < magazine->Count; i++)
        {
            nint block = blocks[i];
            uint mine = *ArenaHeader.EntryOf(block) - cache->OwnerTag;
            if (mine > PageEntry.OwnerMask
                || PageEntry.SizeClass(mine) > (uint)SizeClasses.LastShared
                || !ClassStack.TryPush(ServingStack(cache, PageEntry.SizeClass(mine)), (void*)block))
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
