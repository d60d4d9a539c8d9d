using SpanHeap.Spans;

namespace SpanHeap.Caches;

/// <summary>Returns the blocks of whole magazines to their spans: magazines from the inbox, from a depot, or from a stack.</summary>
/// <remarks>
/// The caller holds the cache's lock. Nothing here asks the system. Blocks of other owners stay in their magazine, which is then pending.
/// </remarks>
internal sealed unsafe class MagazineReturn(SpanReturn spanReturn, SpareMagazines spares, bool hidden)
{
    /// <summary>Returns what other threads have sent to a cache, whichever thread owns it, to its spans.</summary>
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

    /// <summary>Returns all blocks of a magazine. Afterwards it is empty, or pending if some of the blocks belong to other owners.</summary>
    public void ReturnAll(ThreadCache* cache, Magazine* magazine)
    {
        cache->Lock.AssertHeld();
        int others = spanReturn.Return(cache, Magazine.Blocks(magazine), magazine->Count);
        if (others == 0)
        {
            spares.Give(cache, magazine);
            return;
        }

        PutAside(cache, magazine, others);
    }

    /// <summary>Returns all blocks in the depot of a class, and those that are parked below its stack, which may be in use meanwhile.</summary>
    public void DrainDepot(ThreadCache* cache, uint sizeClass)
    {
        cache->Lock.AssertHeld();
        ClassBin* bin = ThreadCache.Bin(cache, sizeClass);
        ReturnParked(cache, bin, ThreadCache.ServingStack(cache, sizeClass, hidden), in SizeClasses.Info(sizeClass));
        while (bin->DepotCount > 0)
        {
            Magazine* magazine = bin->Pop();
            cache->DepotBytes -= (long)magazine->Count * SizeClasses.Info(sizeClass).Size;
            ReturnAll(cache, magazine);
        }
    }

    /// <summary>Returns all blocks of the oldest magazine in a depot.</summary>
    /// <returns>An empty magazine; null when there is none.</returns>
    public Magazine* ReturnOldest(ThreadCache* cache, uint sizeClass, ClassBin* bin)
    {
        if (bin->DepotCount == 0)
        {
            return null;
        }

        Magazine* oldest = bin->TakeOldest();
        int count = oldest->Count;
        cache->DepotBytes -= (long)count * SizeClasses.Info(sizeClass).Size;
        int others = spanReturn.Return(cache, Magazine.Blocks(oldest), count);
        if (others == 0)
        {
            oldest->Count = 0;
            return oldest;
        }

        PutAside(cache, oldest, others);
        return spares.TryTake(cache);
    }

    /// <summary>Returns blocks of the oldest magazine in a depot, which has one: so many, or all that are in the magazine.</summary>
    public void ReturnSomeOfOldest(ThreadCache* cache, uint sizeClass, ClassBin* bin, int count)
    {
        Magazine* oldest = (*bin)[0];
        if (count >= oldest->Count)
        {
            Magazine* empty = ReturnOldest(cache, sizeClass, bin);
            if (empty != null)
            {
                spares.Give(cache, empty);
            }

            return;
        }

        nint* blocks = Magazine.Blocks(oldest);
        int others = spanReturn.Return(cache, blocks, count);
        int left = oldest->Count - count;
        new Span<nint>(blocks + count, left).CopyTo(new Span<nint>(blocks + others, left));
        oldest->Count = others + left;
        StackParking.NoteParked(cache, bin, others - count, in SizeClasses.Info(sizeClass));
    }

    /// <summary>Takes all magazines out of the inbox of a cache, the last one first.</summary>
    public static Magazine* PopInbox(ThreadCache* cache)
    {
        cache->Lock.AssertHeld();
        Magazine* first = (Magazine*)Interlocked.Exchange(ref cache->Inbox, 0);
        int taken = 0;
        for (Magazine* magazine = first; magazine != null; magazine = magazine->Next)
        {
            taken++;
        }

        Interlocked.Add(ref cache->InboxCount, -taken);
        return first;
    }

    // Touches nothing of the stack from its base on, which is its thread's.
    private void ReturnParked(ThreadCache* cache, ClassBin* bin, ClassStack* stack, in SizeClassInfo info)
    {
        int parked = stack->Parked;
        if (parked == 0)
        {
            return;
        }

        nint* oldest = stack->Oldest;
        int others = spanReturn.Return(cache, oldest, parked);
        Magazine* aside = others == 0 ? null : spares.TryTake(cache);
        if (aside != null)
        {
            new Span<nint>(oldest, others).CopyTo(new Span<nint>(Magazine.Blocks(aside), others));
            PutAside(cache, aside, others);
            others = 0;
        }

        // Without a magazine, blocks of other owners wait until the next time.
        new Span<nint>(oldest, others).CopyTo(new Span<nint>(stack->Base - others, others));
        stack->Parked = (short)others;
        StackParking.NoteParked(cache, bin, others - parked, in info);
    }

    /// <summary>
    /// Puts a magazine aside whose first blocks, so many of them, belong to other owners. They cannot be returned here, because that would take the lock
    /// of a second cache.
    /// </summary>
    public static void PutAside(ThreadCache* cache, Magazine* magazine, int others)
    {
        cache->Lock.AssertHeld();
        magazine->Count = others;
        magazine->IsMixed = true;
        magazine->Next = cache->Pending;
        cache->Pending = magazine;
    }
}
