using System.Runtime.CompilerServices;
using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Caches;

/// <summary>
/// Says how many blocks the stacks of a cache may hold. In a heap with a limit it also bounds what they keep from being free: not their
/// blocks, but the spans that the blocks lie in.
/// </summary>
/// <remarks>
/// <para>
/// A stack of n blocks keeps n spans, but no more than its class has, and only its thread can take it while that thread waits in native
/// code. Fast paths know only how many blocks a stack may hold. So that number is set for the worst that they may do until the next slow
/// path of the class, which also is the only place where the class gets more spans.
/// </para>
/// <para>The caller holds the cache's lock. Nothing here asks the system.</para>
/// </remarks>
/// <param name="spanReturn">Returns single blocks to their spans.</param>
/// <param name="magazineReturn">Returns whole magazines.</param>
/// <param name="budget">How much threads may keep.</param>
/// <param name="hidden">Whether other stacks serve than those that fast paths see.</param>
internal sealed unsafe class StackRoom(SpanReturn spanReturn, MagazineReturn magazineReturn, ParkingBudget budget, bool hidden)
{
    // The number of times a stack gets less than it should hold before all stacks of the thread begin anew. Those that hold the most may be of
    // classes that the program no longer uses.
    private const int DenialsUntilAnew = 256;

    // A stack takes no more than this part of the room that is left: many stacks with few blocks are better than few with many.
    private const int PartsOfRoom = 8;

    // A stack that only ever fills holds at most half of the blocks in use. They are then fewer by half each time it is full, so that in the end it
    // holds next to nothing, after a number of times that grows with the logarithm of what is freed.
    private const int MaxHalvings = 1;

    // Overflows are counted up to this. The fewest blocks that a stack may hold are halved at every second one.
    private const int MaxOverflows = 6;

    /// <summary>
    /// Gets the stack that actually serves a thread. With full checks this is not the one that fast paths see, so that slow paths see every call.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ClassStack* ServingStack(ThreadCache* cache, uint sizeClass) => ThreadCache.ServingStack(cache, sizeClass, hidden);

    /// <summary>
    /// Says how many blocks a stack may hold: as many as the program has in use, within the class's bounds, and fewer and fewer while the
    /// program only frees. So what it holds back is in proportion, and little when all is freed. The bounds fall with the number of threads
    /// and with the limit, because a thread that waits in native code keeps what it has.
    /// </summary>
    public int CapacityFor(ThreadCache* cache, ClassBin* bin, uint sizeClass, ClassStack* stack)
    {
        cache->Lock.AssertHeld();
        int wanted = WantedBy(bin, in SizeClasses.Info(sizeClass), stack->Count);
        return budget.IsBounded ? Pin(cache, sizeClass, bin, stack, wanted) : wanted;
    }

    // Clamped by hand, because Math.Clamp has a check of its own.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int WantedBy(ClassBin* bin, in SizeClassInfo info, int onStack)
    {
        int shift = budget.Shift;
        int overflows = bin->Overflows;
        int most = Math.Max(ParkingBudget.FewestBlocks, info.MaxParked >> shift);
        int least = Math.Max(ParkingBudget.FewestBlocks, info.MinParked >> (shift + (overflows >> 1)));
        long used = (bin->Outstanding - bin->DepotBlocks - onStack) >> Math.Min(overflows, MaxHalvings);
        return (int)Math.Max(least, Math.Min(most, used));
    }

    /// <summary>Counts one more time that a stack was full: its capacity will be less, until it is empty again.</summary>
    public static short NextOverflow(short overflows) => (short)Math.Min(overflows + 1, MaxOverflows);

    /// <summary>
    /// Says how many blocks of a full stack stay on it: half of what it may hold, so that neither the next block that is freed nor the next that is
    /// allocated takes a slow path. None stays when it is full again without having been empty, because then the program only frees.
    /// </summary>
    public static int KeptPart(ClassBin* bin, int count, int capacity) => bin->Overflows > 1 ? 0 : Math.Min(count, capacity) / 2;

    /// <summary>
    /// Says how many parked blocks an empty stack takes back, of which one is popped next: half of what it may hold. In a heap without a limit the
    /// class's own bound counts, even if many threads make that of the stack less, because the program is allocating.
    /// </summary>
    public int TakenBack(int capacity, in SizeClassInfo info) => (budget.IsBounded ? capacity / 2 : Math.Max(capacity, info.MaxParked) / 2) + 1;

    /// <summary>
    /// Says how many blocks an empty stack is filled with from spans: as many as it may hold, but no more than make what the class has outside of its
    /// depot as much as a stack can hold. A program that frees all of that then needs no slow path.
    /// </summary>
    public int Fill(ClassBin* bin, int capacity, in SizeClassInfo info)
    {
        long used = bin->Outstanding - bin->DepotBlocks;
        long most = info.MaxParked >> budget.Shift;
        return (int)Math.Max(1, used < most ? Math.Min(capacity, Math.Max(info.MinParked, most - used)) : capacity);
    }

    /// <summary>
    /// Says how many blocks a stack may hold that has been filled from spans: as many as the program uses once it has allocated them all, so that it
    /// can free them all without a slow path.
    /// </summary>
    public int CapacityAfterFill(int capacity, int filled, in SizeClassInfo info) =>
        budget.IsBounded ? capacity : Math.Max(capacity, Math.Min(capacity + filled, info.MaxParked >> budget.Shift));

    /// <summary>Closes a stack and returns the blocks on it, parked or not.</summary>
    public void ReturnStack(ThreadCache* cache, uint sizeClass, ClassStack* stack)
    {
        cache->Lock.AssertHeld();
        Unpin(cache, stack, SpanBytes(sizeClass));
        StackParking.UnparkAll(cache, ThreadCache.Bin(cache, sizeClass), stack, in SizeClasses.Info(sizeClass));
        Magazine* magazine = stack->Remove();
        if (magazine != null)
        {
            magazineReturn.ReturnAll(cache, magazine);
        }
    }

    /// <summary>
    /// Returns the older half of the blocks of a full stack to their spans, the parked ones first, or more if the depots have no room for the rest, which
    /// is parked beyond what stays on the stack. Blocks of other owners are the first to be parked.
    /// </summary>
    public void ReturnOlder(ThreadCache* cache, ClassBin* bin, ClassStack* stack, int capacity, in SizeClassInfo info)
    {
        cache->Lock.AssertHeld();
        int kept = KeptPart(bin, stack->Count, capacity);
        StackParking.UnparkAll(cache, bin, stack, in info);
        int older = Math.Max((stack->Count + 1) / 2, stack->Count - kept - DepotBounds.Room(cache, info.Size));
        stack->RemoveOldest(older, staying: spanReturn.Return(cache, stack->Base, older));
        stack->MoveDown();
        StackParking.Park(cache, bin, stack, Math.Max(0, stack->Count - kept), in info);
    }

    // Computes how many blocks a stack that should hold a given number may hold. In the end that is none, and each operation of its class takes a
    // slow path.
    private int Pin(ThreadCache* cache, uint sizeClass, ClassBin* bin, ClassStack* stack, int wanted)
    {
        int spans = Math.Min(wanted, bin->Spans);
        if (spans == stack->Pins && budget.RoomBeside(cache->PinnedBytes) >= 0)
        {
            return wanted;
        }

        long bytes = SpanBytes(sizeClass);
        Unpin(cache, stack, bytes);
        long room = budget.RoomBeside(cache->PinnedBytes) / bytes;
        if (room < spans && ++cache->Denials % DenialsUntilAnew == 0)
        {
            ReturnOtherStacks(cache, stack);
            room = budget.RoomBeside(cache->PinnedBytes) / bytes;
        }

        int granted = (int)Math.Clamp(room, 0, Math.Min(spans, Math.Max(1, room / PartsOfRoom)));
        if (!budget.TryPin(granted * bytes))
        {
            // Another thread was faster.
            granted = 0;
        }

        stack->Pins = granted;
        cache->PinnedBytes += granted * bytes;
        return granted < spans ? granted : wanted;
    }

    private void ReturnOtherStacks(ThreadCache* cache, ClassStack* but)
    {
        for (uint sizeClass = 1; sizeClass <= (uint)SizeClasses.LastShared; sizeClass++)
        {
            ClassStack* stack = ServingStack(cache, sizeClass);
            if (stack->Pins > 0 && stack != but)
            {
                ReturnStack(cache, sizeClass, stack);
            }
        }
    }

    private void Unpin(ThreadCache* cache, ClassStack* stack, long spanBytes)
    {
        long bytes = stack->Pins * spanBytes;
        stack->Pins = 0;
        cache->PinnedBytes -= bytes;
        Invariant.Assert(cache->PinnedBytes >= 0, "A cache counts what its stacks pin.");
        if (bytes != 0)
        {
            budget.Unpin(bytes);
        }
    }

    private static long SpanBytes(uint sizeClass) => (long)SizeClasses.Info(sizeClass).Pages << PageGeometry.PageShift;
}
