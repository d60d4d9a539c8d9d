using SpanHeap.Caches;
using SpanHeap.Heap;
using SpanHeap.Spans;

namespace SpanHeap.Diagnostics;

/// <summary>Sums up, by class, the blocks that the caches of a heap keep and the blocks that they account for in their spans.</summary>
internal static unsafe class CacheCount
{
    /// <summary>
    /// Counts while threads may continue to run, so their stacks are read as they happen to be. For each cache the classes that it has used are
    /// visited, however many spans and blocks these have.
    /// </summary>
    /// <param name="heap">The heap.</param>
    /// <param name="taken">By class of shared spans, the counts to which the slots that are in use or parked anywhere are added.</param>
    /// <param name="cached">By class, the counts to which the blocks in stacks, depots, outboxes, inboxes and the quarantine are added.</param>
    /// <returns>The number of bins that were visited.</returns>
    public static int Sum(HeapCore heap, Span<long> taken, Span<long> cached)
    {
        int looks = 0;
        for (int i = 0; i < heap.Registry.Count; i++)
        {
            ThreadCache* cache = heap.Registry[i];
            LargeCache* large = ThreadCache.LargeOf(cache, heap.IsHidden);
            for (int k = Math.Min(Volatile.Read(ref large->Count), LargeCache.Capacity); k-- > 0;)
            {
                cached[(int)large->SizeClass(k)]++;
            }

            cache->Lock.Enter();

            // A cache whose memory was given back has nothing in it, and must not be touched: that would make the memory resident.
            if (!cache->IsGivenBack)
            {
                looks += SumBins(cache, taken, cached);
                SumGathered(cache, cached);
            }

            SumMagazines(cache, cached);
            cache->Lock.Exit();
        }

        heap.Quarantine?.Count(cached);
        cached[SizeClasses.None] = 0;
        return looks;
    }

    private static int SumBins(ThreadCache* cache, Span<long> taken, Span<long> cached)
    {
        int looks = 0;
        for (uint c = ThreadCache.NextUsed(cache, 0); c != 0; c = ThreadCache.NextUsed(cache, c))
        {
            SumBin(cache, c, taken, cached);
            looks++;
        }

        return looks;
    }

    private static void SumBin(ThreadCache* cache, uint sizeClass, Span<long> taken, Span<long> cached)
    {
        ClassBin* bin = ThreadCache.Bin(cache, sizeClass);
        taken[(int)sizeClass] += bin->Outstanding;
        cached[(int)sizeClass] += bin->DepotBlocks
            + CountOf(ThreadCache.Stack(cache, sizeClass)) + CountOf(ThreadCache.HiddenStack(cache, sizeClass));
    }

    // The thread may push meanwhile, but its magazine stays while the lock is held. What it has just pushed may not be visible yet, so each address is
    // looked at before its page is.
    private static void SumGathered(ThreadCache* cache, Span<long> cached)
    {
        ClassStack* stack = &cache->Gathered;
        int count = CountOf(stack);
        for (int i = 0; i < count; i++)
        {
            nint block = Volatile.Read(ref stack->Base[i]);
            uint entry = ArenaMap.IsInArena(block) ? Volatile.Read(ref *ArenaHeader.EntryOf(block)) : PageEntry.Unused;
            if (PageEntry.IsOfBlocks(entry))
            {
                cached[(int)PageEntry.SizeClass(entry)]++;
            }
        }
    }

    // Both ends are read once, because the thread may be exchanging the magazine.
    private static int CountOf(ClassStack* stack)
    {
        nint top = Volatile.Read(ref *(nint*)&stack->Top);
        nint bottom = Volatile.Read(ref *(nint*)&stack->Base);
        nint count = (top - bottom) / sizeof(nint);
        return count is >= 0 and <= Magazine.Capacity ? (int)count : 0;
    }

    private static void SumMagazines(ThreadCache* cache, Span<long> cached)
    {
        for (int k = 0; k < ThreadCache.OutboxSize(cache); k++)
        {
            SumMagazine(ThreadCache.Outbox(cache, k)->Magazine, cached);
        }

        SumChain((Magazine*)Volatile.Read(ref cache->Inbox), cached);
        SumChain(cache->Pending, cached);
    }

    private static void SumChain(Magazine* magazine, Span<long> cached)
    {
        for (; magazine != null; magazine = magazine->Next)
        {
            SumMagazine(magazine, cached);
        }
    }

    private static void SumMagazine(Magazine* magazine, Span<long> cached)
    {
        if (magazine == null)
        {
            return;
        }

        if (!magazine->IsMixed && magazine->SizeClass != SizeClasses.None)
        {
            cached[magazine->SizeClass] += magazine->Count;
            return;
        }

        for (int i = 0; i < magazine->Count; i++)
        {
            cached[(int)PageEntry.SizeClass(*ArenaHeader.EntryOf(Magazine.Blocks(magazine)[i]))]++;
        }
    }
}
