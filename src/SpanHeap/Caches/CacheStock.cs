using System.Runtime.CompilerServices;
using SpanHeap.Spans;

namespace SpanHeap.Caches;

/// <summary>How a refill ended.</summary>
internal enum RefillResult
{
    /// <summary>The stack has blocks.</summary>
    Done,

    /// <summary>No free pages: the heap must grow.</summary>
    NeedsPages,

    /// <summary>The limit allows no span: growing is no help.</summary>
    AtLimit,

    /// <summary>No empty magazine for the stack.</summary>
    NeedsMagazines,
}

/// <summary>
/// What happens when a stack runs empty or full: magazines change places with the depot, blocks are taken out of spans (refill) or go
/// back to them.
/// </summary>
/// <remarks>All methods want the cache's lock held and ask the system for nothing.</remarks>
internal sealed unsafe partial class CacheStock(
    SpanSource spans, BlockReturn blockReturn, MagazinePool magazines, HeapClock clock, ParkingBudget budget, bool hidden)
{
    private const int MaxSpares = 4;

    // A stack that only ever fills may hold a sixty-fourth of what is in use, in the end.
    private const int MaxOverflows = 6;

    // All depots of a cache together: what a burst of frees may hold back from other classes until maintenance comes.
    private const long MaxDepotBytes = 1 * 1024 * 1024;

    /// <summary>The stack that really serves a thread: with full checks not the one that fast paths see, so that they see every call.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ClassStack* ServingStack(ThreadCache* cache, uint sizeClass) =>
        hidden ? ThreadCache.HiddenStack(cache, sizeClass) : ThreadCache.Stack(cache, sizeClass);

    /// <summary>Fills an empty stack: from the depot, the inbox, spans with free slots, the central cache, or a fresh span, in this order.</summary>
    public RefillResult Refill(ThreadCache* cache, ThreadCache* central, uint sizeClass, ClassStack* stack)
    {
        ClassShelf* shelf = ThreadCache.Shelf(cache, sizeClass);
        shelf->UsedAt = clock.Now;
        shelf->Overflows = 0;
        if (shelf->DepotCount > 0)
        {
            TakeFromDepot(cache, sizeClass, shelf, stack);
            return RefillResult.Done;
        }

        if (!EnsureMagazine(cache, stack))
        {
            return RefillResult.NeedsMagazines;
        }

        stack->SetCapacity(CapacityFor(shelf, sizeClass, stack));
        if (Volatile.Read(ref cache->Inbox) != 0)
        {
            TakeInbox(cache);
            if (stack->Count > 0)
            {
                return RefillResult.Done;
            }

            if (shelf->DepotCount > 0)
            {
                TakeFromDepot(cache, sizeClass, shelf, stack);
                return RefillResult.Done;
            }
        }

        return FillFromSpans(cache, central, sizeClass, shelf, stack);
    }

    /// <summary>Makes room in a full stack (or opens a closed one): its magazine goes to the depot, or its blocks to their spans.</summary>
    public void MakeRoom(ThreadCache* cache, uint sizeClass, ClassStack* stack)
    {
        ClassShelf* shelf = ThreadCache.Shelf(cache, sizeClass);
        shelf->UsedAt = clock.Now;
        int capacity = CapacityFor(shelf, sizeClass, stack);
        if (!EnsureMagazine(cache, stack) || stack->Count < capacity)
        {
            stack->SetCapacity(stack->IsOpen ? capacity : 0);
            return;
        }

        shelf->Overflows = Math.Min(shelf->Overflows + 1, MaxOverflows);
        capacity = CapacityFor(shelf, sizeClass, stack);

        ref readonly SizeClassInfo info = ref SizeClasses.Info(sizeClass);
        long bytes = (long)stack->Count * info.Size;
        if (cache->DepotBytes + bytes <= MaxDepotBytes && shelf->TryTopUp(stack->Base, stack->Count, info.MaxParked))
        {
            cache->DepotBytes += bytes;
            stack->Top = stack->Base;
            stack->SetCapacity(capacity);
            return;
        }

        Magazine* empty = IsDepotFull(cache, shelf, bytes) ? ReturnOldest(cache, sizeClass, shelf) : TakeEmpty(cache);
        if (empty == null)
        {
            stack->Top = stack->Base + blockReturn.Return(cache, stack->Base, stack->Count);
            stack->SetCapacity(capacity);
            return;
        }

        Magazine* full = stack->Remove();
        shelf->Push(full);
        cache->DepotBytes += bytes;
        stack->Install(empty, 0, capacity);
    }

    /// <summary>An empty magazine; null when there is none.</summary>
    public Magazine* TakeEmpty(ThreadCache* cache)
    {
        Magazine* spare = cache->Spares;
        if (spare == null)
        {
            return magazines.TryTake();
        }

        cache->Spares = spare->Next;
        cache->SpareCount--;
        spare->Next = null;
        return spare;
    }

    public void GiveEmpty(ThreadCache* cache, Magazine* magazine)
    {
        magazine->Count = 0;
        magazine->IsMixed = false;
        if (cache->SpareCount == MaxSpares)
        {
            magazines.Give(magazine);
            return;
        }

        magazine->Next = cache->Spares;
        cache->Spares = magazine;
        cache->SpareCount++;
    }

    /// <summary>Gives the empty magazines of a cache that needs none to the heap's other caches. Call without a lock.</summary>
    public void ReleaseSpares(ThreadCache* cache)
    {
        cache->Lock.Enter();
        while (cache->Spares != null)
        {
            magazines.Give(TakeEmpty(cache));
        }

        cache->Lock.Exit();
    }

    private void TakeFromDepot(ThreadCache* cache, uint sizeClass, ClassShelf* shelf, ClassStack* stack)
    {
        Magazine* full = shelf->Pop();
        Magazine* old = stack->Remove();
        if (old != null)
        {
            GiveEmpty(cache, old);
        }

        cache->DepotBytes -= (long)full->Count * SizeClasses.Info(sizeClass).Size;
        Volatile.Write(ref cache->HasStacks, true);
        stack->Install(full, full->Count, CapacityFor(shelf, sizeClass, stack));
    }

    private RefillResult FillFromSpans(ThreadCache* cache, ThreadCache* central, uint sizeClass, ClassShelf* shelf, ClassStack* stack)
    {
        if (shelf->Head == null && !TakeFromCentral(cache, central, sizeClass))
        {
            Span* fresh = spans.TryCreate(sizeClass, (nint)cache, cache->OwnerTag, room: 0, out _, out PageRefusal refusal);
            if (fresh == null)
            {
                return refusal == PageRefusal.NoRun ? RefillResult.NeedsPages : RefillResult.AtLimit;
            }

            shelf->AddFirst(fresh);
            shelf->EmptySpans++;
        }

        // Spans with few free slots: several, until it was worth coming here.
        int filled = 0;
        // Asked again: a span of the central cache may have brought blocks in use along.
        int wanted = CapacityFor(shelf, sizeClass, stack);
        stack->SetCapacity(wanted);
        do
        {
            Span* span = shelf->Head;
            int count = Math.Min(wanted - filled, span->FreeSlots);
            shelf->EmptySpans -= span->FreeSlots == span->Slots ? 1 : 0;
            filled += count;
            AllocBits.Take(span, count, stack->Base + filled);
            if (span->FreeSlots == 0)
            {
                shelf->Remove(span);
            }
        }
        while (filled < wanted / 2 && shelf->Head != null);

        stack->Top = stack->Base + filled;
        shelf->Outstanding += filled;
        return RefillResult.Done;
    }

    private static bool TakeFromCentral(ThreadCache* cache, ThreadCache* central, uint sizeClass)
    {
        // A glance without the lock: a span that is missed is found the next time.
        ClassShelf* centralShelf = ThreadCache.Shelf(central, sizeClass);
        if (Volatile.Read(ref *(nint*)&centralShelf->Head) == 0)
        {
            return false;
        }

        central->Lock.Enter();
        bool found = centralShelf->Head != null;
        if (found)
        {
            ThreadCache.MoveFirstSpan(central, cache, sizeClass);
        }

        central->Lock.Exit();
        return found;
    }

    private Magazine* ReturnOldest(ThreadCache* cache, uint sizeClass, ClassShelf* shelf)
    {
        if (shelf->DepotCount == 0)
        {
            return null;
        }

        Magazine* oldest = shelf->TakeOldest();
        int count = oldest->Count;
        cache->DepotBytes -= (long)count * SizeClasses.Info(sizeClass).Size;
        int others = blockReturn.Return(cache, Magazine.Blocks(oldest), count);
        if (others == 0)
        {
            oldest->Count = 0;
            return oldest;
        }

        PutAside(cache, oldest, others);
        return TakeEmpty(cache);
    }

    private bool EnsureMagazine(ThreadCache* cache, ClassStack* stack)
    {
        if (stack->IsOpen)
        {
            return true;
        }

        Magazine* magazine = TakeEmpty(cache);
        if (magazine == null)
        {
            return false;
        }

        Volatile.Write(ref cache->HasStacks, true);
        stack->Install(magazine, 0, 0);
        return true;
    }

    private static bool IsDepotFull(ThreadCache* cache, ClassShelf* shelf, long bytes) =>
        shelf->DepotCount == ClassShelf.DepotSize || cache->DepotBytes + bytes > MaxDepotBytes;

    // A stack may hold as many blocks as the program has in use, within the class's bounds, and fewer and fewer while the program only
    // frees: so what it holds back is in proportion, and little when all is freed. The bounds fall with the number of threads and with
    // the limit, because a thread that waits in native code keeps what it has.
    private int CapacityFor(ClassShelf* shelf, uint sizeClass, ClassStack* stack)
    {
        ref readonly SizeClassInfo info = ref SizeClasses.Info(sizeClass);
        long used = shelf->Outstanding - shelf->DepotBlocks - stack->Count;
        int shift = budget.Shift;
        int most = Math.Max(ParkingBudget.FewestBlocks, info.MaxParked >> shift);
        int least = Math.Max(ParkingBudget.FewestBlocks, info.MinParked >> (shift + (shelf->Overflows >> 1)));
        return (int)Math.Clamp(used >> shelf->Overflows, least, most);
    }
}
