using SpanHeap.Pages;

namespace SpanHeap.Spans;

/// <summary>
/// Live bits, of heaps with full checks: a set bit means that the block is in the hands of the program just now. Unlike alloc bits they
/// know nothing of stacks and magazines, so they can answer at once.
/// </summary>
/// <remarks>Changed by interlocked operations of any thread; a block's bit is changed once by each Alloc and each Free of it.</remarks>
internal static unsafe class LiveBits
{
    /// <summary>
    /// Finds the slot whose first byte an address is; false for an address inside a block or behind the last. Reads the entry, of
    /// blocks, and nothing of the span.
    /// </summary>
    public static bool TryFindSlot(nint address, uint entry, out Span* span, out int slot)
    {
        span = ArenaHeader.SpanOf(address, entry);
        BlockPlace place = new(address);
        place.Resolve(entry);
        ref readonly SizeClassInfo info = ref SizeClasses.Info(PageEntry.SizeClass(entry));
        ulong product = place.Within * info.Reciprocal;
        slot = (int)(product >> 32);
        return (uint)product < info.Reciprocal && slot < info.Slots;
    }

    /// <summary>Notes that a block goes to the program.</summary>
    public static void Set(nint block)
    {
        TryFindSlot(block, *ArenaHeader.EntryOf(block), out Span* span, out int slot);
        Interlocked.Or(ref ArenaHeader.LiveBits(span)[slot >>> 6], 1UL << slot);
    }

    /// <summary>Notes that a slot's block comes back; false when the program did not have it.</summary>
    public static bool TryClear(Span* span, int slot)
    {
        ulong bit = 1UL << slot;
        return (Interlocked.And(ref ArenaHeader.LiveBits(span)[slot >>> 6], ~bit) & bit) != 0;
    }

    /// <summary>Undoes <see cref="TryClear"/>.</summary>
    public static void Restore(Span* span, int slot) => Interlocked.Or(ref ArenaHeader.LiveBits(span)[slot >>> 6], 1UL << slot);

    public static bool IsSet(Span* span, int slot) =>
        (Volatile.Read(ref ArenaHeader.LiveBits(span)[slot >>> 6]) >> slot & 1) != 0;
}
