using System.Diagnostics.CodeAnalysis;
using SpanHeap.Checks;
using SpanHeap.Contract;
using SpanHeap.Guard;
using SpanHeap.Guard.Records;
using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Blocks;

/// <summary>Answers what a pointer is: the size of its block, the block in which it lies, or what is wrong with it.</summary>
/// <remarks>Thread safe. The caller must not hold a lock.</remarks>
internal sealed unsafe class BlockLookup(ulong heapSerial, bool fullChecks, GuardedBlocks? guard)
{
    /// <summary>Gets the number of bytes from a block's start that the program may use.</summary>
    /// <exception cref="HeapCorruptionException">The address is not a block of this heap.</exception>
    public nuint UsableSize(in BlockAddress block) => block.Kind switch
    {
        BlockKind.Small or BlockKind.Large => UsableSizeInSpan(block),
        BlockKind.Huge => block.SlotBytes,
        BlockKind.Guarded => guard!.UsableSize(block.Address),
        _ => Refuse(block),
    };

    /// <summary>
    /// Refuses a block that has been returned to its span. (Whether a block is still in a cache or belongs to the program, only full checks know, and
    /// they have checked before.) Reads the alloc bit without the lock, which is sound for a block that belongs to the caller: other
    /// threads change other bits of the word.
    /// </summary>
    /// <exception cref="HeapCorruptionException">The block is not allocated.</exception>
    public void RequireAllocated(in BlockAddress block)
    {
        if (!fullChecks && block.IsInSpan && LiveBits.TryFindSlot(block.Address, block.Entry, out Span* span, out int slot)
            && !AllocBits.IsSet(ArenaHeader.AllocBits(span), slot))
        {
            ThrowHelper.Misuse(block.Address, MisuseKind.DoubleFree);
        }
    }

    /// <summary>Finds the block in which an address lies, if that is a block of this heap and not traced. Any address may be passed.</summary>
    public bool TryFind(nint address, out BlockInfo block)
    {
        block = default;

        // Another heap's arena may be going away: the lock of the map, under which this looks, is what keeps it meanwhile.
        bool inArena = ArenaMap.IsInArenaOf(heapSerial, address);
        InterleavingPoints.AtIf(inArena, InterleavingPoint.ArenaFound);
        BlockAddress found = inArena ? BlockAddress.Of(address, heapSerial) : BlockAddress.OfHuge(address, heapSerial);
        switch (found.Kind)
        {
            case BlockKind.Guarded:
                return TryFindGuarded(address, out block);
            case BlockKind.Huge or BlockKind.Freed or BlockKind.Interior when found.HugeStart != 0:
                BlockState state = found.Kind == BlockKind.Freed ? BlockState.Free : BlockState.Allocated;
                block = new BlockInfo(found.HugeStart, found.SlotBytes, SizeClasses.None, state);
                return true;
            case BlockKind.Small or BlockKind.Large or BlockKind.Interior:
                return TryFindInSpan(found, out block);
            default:
                return false;
        }
    }

    /// <summary>Throws an exception that says what is wrong with an address that is not a block of this heap.</summary>
    /// <exception cref="HeapCorruptionException">Always.</exception>
    [DoesNotReturn]
    public void ThrowMisuse(in BlockAddress block)
    {
        if (block.Misuse == MisuseKind.InteriorPointer)
        {
            ThrowInterior(block.Address);
        }

        ThrowHelper.Misuse(block.Address, block.Misuse);
    }

    /// <summary>Throws an exception that says that an address lies inside a block, and that names the block if it still exists.</summary>
    /// <exception cref="HeapCorruptionException">Always.</exception>
    [DoesNotReturn]
    public void ThrowInterior(nint address)
    {
        if (TryFind(address, out BlockInfo block) && block.Address != address)
        {
            ThrowHelper.Interior(address, block);
        }

        ThrowHelper.Misuse(address, MisuseKind.InteriorPointer);
    }

    [DoesNotReturn]
    private nuint Refuse(in BlockAddress block)
    {
        ThrowMisuse(block);
        return 0;
    }

    // Finding out that the address is a block's first byte costs a multiplication. Whether the block is allocated, only full checks know.
    private nuint UsableSizeInSpan(in BlockAddress block)
    {
        if (!LiveBits.TryFindSlot(block.Address, block.Entry, out Span* span, out int slot))
        {
            ThrowInterior(block.Address);
        }

        return fullChecks ? CheckedBlocks.RequireByteCount(block, span, slot) : block.SlotBytes;
    }

    private bool TryFindGuarded(nint address, out BlockInfo block)
    {
        if (!guard!.TryFind(address, out GuardRecord record) || record.State == GuardState.Swept)
        {
            block = default;
            return false;
        }

        BlockState state = record.State == GuardState.Live ? BlockState.Allocated : BlockState.Free;
        block = new BlockInfo(record.Address, record.ByteCount, SizeClasses.None, state);
        return true;
    }

    // The entry of the page, or for a page inside a large block that of the block's first page, says all that is needed, without a look at the span,
    // which may be going away just now.
    private bool TryFindInSpan(in BlockAddress found, out BlockInfo block)
    {
        nint start = ArenaHeader.StartOfSpan(found.Address, found.Entry);
        nint named = PageEntry.IsInside(found.Entry) ? start : found.Address;
        uint entry = named == start ? Volatile.Read(ref *ArenaHeader.EntryOf(start)) : found.Entry;
        nuint size = PageEntry.IsOfBlocks(entry) ? BlockAddress.SlotBytesOf(start, entry) : 0;
        uint sizeClass = PageEntry.SizeClass(entry);
        nuint slot = size == 0 ? 0 : (nuint)(found.Address - start) / size;
        if (size == 0 || slot >= (nuint)SizeClasses.Info(sizeClass).Slots)
        {
            block = default;
            return false;
        }

        BlockState state = StateOf(ArenaHeader.SpanAt(start), (int)slot);
        nint first = start + (nint)(slot * size);
        bool isKnown = fullChecks && state == BlockState.Allocated;
        block = new BlockInfo(first, isKnown ? CheckedBlocks.ByteCountOf(named, entry, first, size) : size, (int)sizeClass, state);
        return true;
    }

    private BlockState StateOf(Span* span, int slot)
    {
        if (fullChecks)
        {
            return LiveBits.IsSet(span, slot) ? BlockState.Allocated : BlockState.Free;
        }

        return AllocBits.IsSet(ArenaHeader.AllocBits(span), slot) ? BlockState.AllocatedOrCached : BlockState.Free;
    }
}
