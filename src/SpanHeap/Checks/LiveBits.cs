using SpanHeap.Spans;

namespace SpanHeap.Checks;

/// <summary>
/// The live bits of heaps with full checks. A set bit means that the program holds the block right now. Unlike alloc bits, they know nothing of
/// stacks and magazines, so they give an immediate answer.
/// </summary>
/// <remarks>Changed by any thread with interlocked operations. Each Alloc and each Free of a block changes its bit once.</remarks>
internal static unsafe class LiveBits
{
    /// <summary>
    /// Finds the slot that starts at an address. Returns false for an address inside a block or past the last one. Reads only the given page entry,
    /// which is an entry of blocks, and nothing of the span.
    /// </summary>
    public static bool TryFindSlot(nint address, uint entry, out Span* span, out int slot)
    {
        span = ArenaHeader.SpanOf(address, entry);
        BlockLocator place = new(address);
        place.Resolve(entry);
        ref readonly SizeClassInfo info = ref SizeClasses.Info(PageEntry.SizeClass(entry));
        ulong product = place.Within * info.Reciprocal;
        slot = (int)(product >> 32);
        return (uint)product < info.Reciprocal && slot < info.Slots;
    }

    /// <summary>Notes that the program gets a block.</summary>
    public static void Set(nint block)
    {
        TryFindSlot(block, *ArenaHeader.EntryOf(block), out Span* span, out int slot);
        Interlocked.Or(ref ArenaHeader.LiveBits(span)[slot >>> 6], 1UL << slot);
    }

    /// <summary>Notes that the block of a slot comes back. Returns false when the program did not hold it.</summary>
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
