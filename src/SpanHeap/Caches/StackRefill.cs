using SpanHeap.Checks;
using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Caches;

/// <summary>What happens when a stack is empty: it takes back what is parked below it, or gets a magazine from the depot, or blocks out of spans.</summary>
/// <remarks>The caller holds the cache's lock. Nothing here asks the system.</remarks>
internal sealed unsafe class StackRefill(SpanSource spans, MagazineReturn magazineReturn, SpareMagazines spares, StackRoom room, HeapEpoch clock)
{
    /// <summary>Fills an empty stack from its parked blocks, the depot, the inbox, spans with free slots, the central cache, or a fresh span, in this order.</summary>
    public RefillResult Refill(ThreadCache* cache, ThreadCache* central, uint sizeClass, ClassStack* stack)
    {
        cache->Lock.AssertHeld();
        Invariant.Assert(stack->Count == 0, "Only an empty stack is refilled: what it held would be lost.");
        ClassBin* bin = ThreadCache.Bin(cache, sizeClass);
        ThreadCache.NoteUse(cache, sizeClass);
        bin->UsedAt = clock.Now;
        bin->Overflows = 0;
        if (stack->Parked > 0)
        {
            TakeParked(cache, sizeClass, bin, stack);
            return RefillResult.Done;
        }

        if (bin->DepotCount > 0)
        {
            TakeFromDepot(cache, sizeClass, bin, stack);
            return RefillResult.Done;
        }

        if (!spares.TryOpen(cache, stack))
        {
            return RefillResult.NeedsMagazines;
        }

        // Parked blocks may have been drained, and left places below.
        stack->MoveDown();
        if (Volatile.Read(ref cache->Inbox) != 0)
        {
            stack->SetCapacity(room.CapacityFor(cache, bin, sizeClass, stack));
            TakeInbox(cache);
            if (stack->Count > 0)
            {
                return RefillResult.Done;
            }

            if (bin->DepotCount > 0)
            {
                TakeFromDepot(cache, sizeClass, bin, stack);
                return RefillResult.Done;
            }
        }

        return FillFromSpans(cache, central, sizeClass, bin, stack);
    }

    // Takes what other threads have sent to the cache of the calling thread, as if this thread had freed it all itself.
    private void TakeInbox(ThreadCache* cache)
    {
        Magazine* magazine = MagazineReturn.PopInbox(cache);
        while (magazine != null)
        {
            Magazine* next = magazine->Next;
            if (!TryKeepWhole(cache, magazine))
            {
                PushEach(cache, magazine);
                magazineReturn.ReturnAll(cache, magazine);
            }

            magazine = next;
        }
    }

    // Keeps blocks of one class that are numerous enough to be worth a place in the depot. No block needs to be touched.
    private static bool TryKeepWhole(ThreadCache* cache, Magazine* magazine)
    {
        uint sizeClass = magazine->SizeClass;
        if (SizeClasses.IsOwnSpan(sizeClass))
        {
            return false;
        }

        ref readonly SizeClassInfo info = ref SizeClasses.Info(sizeClass);
        ClassBin* bin = ThreadCache.Bin(cache, sizeClass);
        long bytes = (long)magazine->Count * info.Size;
        if (magazine->Count < info.MaxParked / 2 || DepotBounds.IsFull(cache, bin, bytes))
        {
            return false;
        }

        ThreadCache.NoteUse(cache, sizeClass);
        bin->Push(magazine);
        cache->DepotBytes += bytes;
        return true;
    }

    // Pushes blocks onto the stacks of the owning thread, which is the caller, as far as they have room. The rest stays in the magazine.
    private void PushEach(ThreadCache* cache, Magazine* magazine)
    {
        nint* blocks = Magazine.Blocks(magazine);
        int left = 0;
        for (int i = 0; i < magazine->Count; i++)
        {
            nint block = blocks[i];
            uint mine = *ArenaHeader.EntryOf(block) - cache->Owner.Tag;
            if (mine > PageEntry.OwnerMask
                || PageEntry.SizeClass(mine) > (uint)SizeClasses.LastShared
                || !ClassStack.TryPush(room.ServingStack(cache, PageEntry.SizeClass(mine)), (void*)block))
            {
                blocks[left++] = block;
            }
        }

        magazine->Count = left;
    }

    private void TakeParked(ThreadCache* cache, uint sizeClass, ClassBin* bin, ClassStack* stack)
    {
        ref readonly SizeClassInfo info = ref SizeClasses.Info(sizeClass);
        int capacity = room.CapacityFor(cache, bin, sizeClass, stack);
        StackParking.Unpark(cache, bin, stack, Math.Min(stack->Parked, room.TakenBack(capacity, in info)), in info);
        stack->SetCapacityAfterPop(capacity);
    }

    private void TakeFromDepot(ThreadCache* cache, uint sizeClass, ClassBin* bin, ClassStack* stack)
    {
        Magazine* full = bin->Pop();
        Magazine* old = stack->Remove();
        if (old != null)
        {
            spares.Give(cache, old);
        }

        ref readonly SizeClassInfo info = ref SizeClasses.Info(sizeClass);
        cache->DepotBytes -= (long)full->Count * info.Size;
        Volatile.Write(ref cache->HasStacks, true);
        int capacity = room.CapacityFor(cache, bin, sizeClass, stack);
        stack->Install(full, full->Count, capacity);
        StackParking.Park(cache, bin, stack, Math.Max(0, full->Count - Math.Max(1, capacity)), in info);
        stack->SetCapacityAfterPop(capacity);
    }

    private RefillResult FillFromSpans(ThreadCache* cache, ThreadCache* central, uint sizeClass, ClassBin* bin, ClassStack* stack)
    {
        if (bin->Head == null && !TakeFromCentral(cache, central, sizeClass))
        {
            Span* fresh = spans.TryCreate(sizeClass, &cache->Owner, room: 0, out _, out PageRefusal refusal);
            if (fresh == null)
            {
                return refusal == PageRefusal.NoRun ? RefillResult.NeedsPages : RefillResult.AtLimit;
            }

            if (spans.AreChecked)
            {
                FreePoison.Fill(fresh->Base, fresh->SlotSize * (nuint)fresh->Slots);
            }

            bin->AddFirst(fresh);
            bin->EmptySpans++;
            bin->Spans++;
        }

        // Computed only now, because a span of the central cache may have brought blocks in use with it.
        int capacity = room.CapacityFor(cache, bin, sizeClass, stack);
        ref readonly SizeClassInfo info = ref SizeClasses.Info(sizeClass);
        int wanted = room.Fill(bin, capacity, in info);

        // Spans with few free slots: takes several, until coming here was worth it.
        int filled = 0;
        do
        {
            Span* span = bin->Head;
            Invariant.Assert(span->Owner == &cache->Owner && span->SizeClass == sizeClass, "A span in a list is of the list's cache and class.");
            int count = Math.Min(wanted - filled, span->FreeSlots);
            bin->EmptySpans -= span->FreeSlots == span->Slots ? 1 : 0;
            Invariant.Assert(bin->EmptySpans >= 0 && bin->EmptySpans <= bin->Spans, "A bin counts its empty spans.");
            filled += count;
            AllocBits.Take(span, count, stack->Base + filled);
            if (span->FreeSlots == 0)
            {
                bin->Remove(span);
            }
        }
        while (filled < wanted / 2 && bin->Head != null);

        stack->Top = stack->Base + filled;
        stack->SetCapacityAfterPop(room.CapacityAfterFill(capacity, filled, in info));
        bin->Outstanding += filled;
        return RefillResult.Done;
    }

    private static bool TakeFromCentral(ThreadCache* cache, ThreadCache* central, uint sizeClass)
    {
        // A glance without the lock. A span that is missed is found the next time.
        ClassBin* centralBin = ThreadCache.Bin(central, sizeClass);
        if (Volatile.Read(ref *(nint*)&centralBin->List.First) == 0)
        {
            return false;
        }

        central->Lock.Enter();
        bool found = centralBin->Head != null;
        if (found)
        {
            SpanTransfer.MoveFirst(central, cache, sizeClass);
        }

        central->Lock.Exit();
        return found;
    }
}
