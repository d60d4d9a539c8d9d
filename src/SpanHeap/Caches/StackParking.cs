using SpanHeap.Spans;

namespace SpanHeap.Caches;

/// <summary>Parks blocks of a stack below its base and takes them back. Parked blocks count as blocks in the depot.</summary>
/// <remarks>The caller holds the cache's lock, and the stack is its own.</remarks>
internal static unsafe class StackParking
{
    /// <summary>Parks the oldest blocks of a stack.</summary>
    public static void Park(ThreadCache* cache, ClassBin* bin, ClassStack* stack, int count, in SizeClassInfo info)
    {
        stack->Slide(count);
        NoteParked(cache, bin, count, info);
    }

    /// <summary>Takes back the newest blocks among those that are parked.</summary>
    public static void Unpark(ThreadCache* cache, ClassBin* bin, ClassStack* stack, int count, in SizeClassInfo info) => Park(cache, bin, stack, -count, info);

    /// <summary>Takes back all blocks that are parked.</summary>
    public static void UnparkAll(ThreadCache* cache, ClassBin* bin, ClassStack* stack, in SizeClassInfo info) => Park(cache, bin, stack, -stack->Parked, info);

    /// <summary>Counts blocks that have been parked or, if the count is negative, that no longer are.</summary>
    public static void NoteParked(ThreadCache* cache, ClassBin* bin, int count, in SizeClassInfo info)
    {
        cache->Lock.AssertHeld();
        bin->DepotBlocks += count;
        cache->DepotBytes += (long)count * info.Size;
    }
}
