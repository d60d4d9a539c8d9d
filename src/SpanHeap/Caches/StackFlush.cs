using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Caches;

/// <summary>
/// What happens when a stack is full: its older half is parked, its magazine changes places with an empty one, or blocks go back to their spans.
/// </summary>
/// <remarks>The caller holds the cache's lock. Nothing here asks the system.</remarks>
internal sealed unsafe class StackFlush(MagazineReturn magazineReturn, SpareMagazines spares, StackRoom room, HeapEpoch clock)
{
    /// <summary>Makes room in a full stack, or opens a closed one.</summary>
    public void MakeRoom(ThreadCache* cache, uint sizeClass, ClassStack* stack)
    {
        cache->Lock.AssertHeld();
        ClassBin* bin = ThreadCache.Bin(cache, sizeClass);
        ThreadCache.NoteUse(cache, sizeClass);
        bin->UsedAt = clock.Now;
        if (!spares.TryOpen(cache, stack))
        {
            stack->SetCapacity(0);
            return;
        }

        bool full = stack->Count > 0;
        bin->Overflows = full ? StackRoom.NextOverflow(bin->Overflows) : bin->Overflows;
        int capacity = room.CapacityFor(cache, bin, sizeClass, stack);
        if (full)
        {
            ref readonly SizeClassInfo info = ref SizeClasses.Info(sizeClass);
            if (stack->Top == stack->End && !TryReplace(cache, bin, stack, sizeClass, in info))
            {
                room.ReturnOlder(cache, bin, stack, capacity, in info);
            }
            else if (stack->Count >= capacity)
            {
                ParkOlder(cache, bin, stack, sizeClass, capacity, in info);
            }
        }

        stack->SetCapacity(capacity);
    }

    // Makes room above a stack that reaches the end of its magazine: puts an empty magazine in the place of one that is full of blocks.
    private bool TryReplace(ThreadCache* cache, ClassBin* bin, ClassStack* stack, uint sizeClass, in SizeClassInfo info)
    {
        if (stack->Floor > stack->Parked)
        {
            // Parked blocks have been drained, and left places below.
            StackParking.UnparkAll(cache, bin, stack, in info);
            stack->MoveDown();
            return true;
        }

        Magazine* empty = bin->DepotCount == ClassBin.DepotSize
            ? magazineReturn.ReturnOldest(cache, sizeClass, bin)
            : TryMakeDepotRoom(cache, bin, sizeClass, stack->Count, in info) ? spares.TryTake(cache) : null;
        if (empty == null)
        {
            return false;
        }

        StackParking.UnparkAll(cache, bin, stack, in info);
        Magazine* magazine = stack->Remove();
        bin->Push(magazine);
        cache->DepotBytes += (long)magazine->Count * info.Size;
        stack->Install(empty, 0, 0);
        return true;
    }

    private void ParkOlder(ThreadCache* cache, ClassBin* bin, ClassStack* stack, uint sizeClass, int capacity, in SizeClassInfo info)
    {
        int older = stack->Count - StackRoom.KeptPart(bin, stack->Count, capacity);
        if (TryMakeDepotRoom(cache, bin, sizeClass, older, in info))
        {
            StackParking.Park(cache, bin, stack, older, in info);
        }
        else
        {
            room.ReturnOlder(cache, bin, stack, capacity, in info);
        }
    }

    // Makes room for more blocks in the depots of the cache, if there is none, by returning as many of the class that have been there longest.
    private bool TryMakeDepotRoom(ThreadCache* cache, ClassBin* bin, uint sizeClass, int count, in SizeClassInfo info)
    {
        long bytes = (long)count * info.Size;
        if (!DepotBounds.HasRoom(cache, bytes) && bin->DepotCount > 0)
        {
            magazineReturn.ReturnSomeOfOldest(cache, sizeClass, bin, count);
        }

        return DepotBounds.HasRoom(cache, bytes);
    }
}
