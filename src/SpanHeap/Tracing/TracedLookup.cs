using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Tracing;

/// <summary>From any address to the traced block that it lies in.</summary>
internal static unsafe class TracedLookup
{
    /// <summary>The span and the start of the slot that an address lies in, allocated or not; false when it is not in a traced span of the heap.</summary>
    public static bool TryFind(nint address, ulong heapSerial, out TracedSpan* span, out nint slot)
    {
        span = null;
        slot = 0;
        return address != 0 && ArenaMap.IsInArenaOf(heapSerial, address) && TryFindInArena(address, out span, out slot);
    }

    /// <summary>The same for an address that is known to lie in an arena of the heap.</summary>
    public static bool TryFindInArena(nint address, out TracedSpan* span, out nint slot)
    {
        span = null;
        slot = 0;
        uint entry = Volatile.Read(ref *ArenaHeader.EntryOf(address));
        nint start = (address & -PageGeometry.PageSize) - ((nint)PageEntry.PagesFromFirst(entry) << PageGeometry.PageShift);
        entry = PageEntry.IsInside(entry) ? Volatile.Read(ref *ArenaHeader.EntryOf(start)) : entry;
        if (!PageEntry.IsTraced(entry))
        {
            return false;
        }

        span = (TracedSpan*)ArenaHeader.SpanAt(start);
        slot = TracedSlots.StartOf(span, address);
        return slot != 0;
    }

    /// <summary>The allocated block that an address lies in; false when it lies in none of the heap.</summary>
    public static bool TryFindBlock(nint address, ulong heapSerial, uint allocPlane, out nint block) =>
        TryFind(address, heapSerial, out _, out block) && TracedBits.IsSet(block, allocPlane);

    /// <summary>Whether an address is the start of an allocated block.</summary>
    public static bool IsBlock(nint address, ulong heapSerial, uint allocPlane) =>
        TryFindBlock(address, heapSerial, allocPlane, out nint block) && block == address;
}
