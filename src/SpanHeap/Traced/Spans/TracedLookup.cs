using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Traced.Spans;

/// <summary>Finds the traced block that any address lies in.</summary>
internal static unsafe class TracedLookup
{
    /// <summary>
    /// Finds the span and the start of the slot that an address lies in, allocated or not; false if it is not in a traced span of the heap.
    /// </summary>
    public static bool TryFind(nint address, ulong heapSerial, out TracedSpan* span, out nint slot)
    {
        span = null;
        slot = 0;
        return address != 0 && ArenaMap.IsInArenaOf(heapSerial, address) && TryFindInArena(address, out span, out slot);
    }

    /// <summary>Finds the span and slot of an address that is known to lie in an arena of the heap.</summary>
    public static bool TryFindInArena(nint address, out TracedSpan* span, out nint slot)
    {
        span = null;
        slot = 0;
        uint entry = Volatile.Read(ref *ArenaHeader.EntryOf(address));
        nint start = ArenaHeader.StartOfSpan(address, entry);
        entry = PageEntry.IsInside(entry) ? Volatile.Read(ref *ArenaHeader.EntryOf(start)) : entry;
        if (!PageEntry.IsTraced(entry))
        {
            return false;
        }

        span = (TracedSpan*)ArenaHeader.SpanAt(start);
        slot = TracedSlots.StartOf(span, address);
        return slot != 0;
    }

    /// <summary>Finds the allocated block of the heap that an address lies in; false if there is none.</summary>
    public static bool TryFindBlock(nint address, ulong heapSerial, uint allocBitmap, out nint block) =>
        TryFind(address, heapSerial, out _, out block) && TracedBits.IsSet(block, allocBitmap);

    /// <summary>Whether an address is the start of an allocated block.</summary>
    public static bool IsBlock(nint address, ulong heapSerial, uint allocBitmap) =>
        TryFindBlock(address, heapSerial, allocBitmap, out nint block) && block == address;
}
