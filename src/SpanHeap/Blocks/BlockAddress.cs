using System.Runtime.CompilerServices;
using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Blocks;

/// <summary>
/// An address and what it is to a heap, which only this type decides. Every operation on a pointer that a heap is given begins here, but for fast
/// paths, which recognize the blocks of the calling thread's own spans and leave all else to it.
/// </summary>
/// <remarks>
/// This is a snapshot. It stays true of a block that belongs to the caller. For any other address it may be out of date at once, so the next
/// operation checks again under the lock that it needs.
/// </remarks>
internal readonly unsafe struct BlockAddress
{
    private readonly nuint _hugeBytes;

    private BlockAddress(nint address, BlockKind kind, uint entry)
    {
        Address = address;
        Kind = kind;
        Entry = entry;
    }

    private BlockAddress(nint address, BlockKind kind, in HugeBlock huge)
    {
        Address = address;
        Kind = kind;
        HugeStart = huge.Address;
        _hugeBytes = huge.Size;
    }

    public nint Address { get; }

    public BlockKind Kind { get; }

    /// <summary>The entry of the address's page, if it is in an arena.</summary>
    public uint Entry { get; }

    /// <summary>The first byte of the huge block that the address lies in; 0 for any other address.</summary>
    public nint HugeStart { get; }

    /// <summary>The size class of a small or large block; <see cref="SizeClasses.None"/> for a large block of whole pages.</summary>
    public uint SizeClass => PageEntry.SizeClass(Entry);

    /// <summary>Whether the address lies in the pages of an arena, in a span.</summary>
    public bool IsInSpan => Kind is BlockKind.Small or BlockKind.Large;

    /// <summary>The bytes of the slot of a small, large or huge block; 0 when the block has just gone.</summary>
    public nuint SlotBytes => IsInSpan ? SlotBytesOf(Address, Entry) : _hugeBytes;

    /// <summary>What is wrong with an address that is of none of the kinds that a program may use.</summary>
    public MisuseKind Misuse => Kind switch
    {
        BlockKind.Foreign => MisuseKind.ForeignPointer,
        BlockKind.FreePage => MisuseKind.FreePage,
        BlockKind.OtherHeap => MisuseKind.OtherHeap,
        BlockKind.Traced => MisuseKind.TracedBlock,
        BlockKind.Freed => MisuseKind.DoubleFree,
        _ => MisuseKind.InteriorPointer,
    };

    /// <summary>
    /// Determines what an address is to a heap. Any address may be passed that is not in an arena of another heap that is being disposed: the caller has
    /// the block, and so keeps its heap alive, or has looked under the lock of the map.
    /// </summary>
    public static BlockAddress Of(nint address, ulong heapSerial)
    {
        if (ArenaMap.IsInArena(address))
        {
            InterleavingPoints.At(InterleavingPoint.ArenaFound);

            // An arena may be shorter than its place. What lies past its end has no entries, and may belong to anything in the process.
            uint entry = Volatile.Read(ref *ArenaHeader.EntryOf(address));
            InterleavingPoints.AtIf(entry == PageEntry.Unused, InterleavingPoint.UnusedEntryRead);
            if (entry != PageEntry.Unused || ArenaMap.Holds(address))
            {
                return new BlockAddress(address, KindOf(address, entry, heapSerial), entry);
            }
        }

        return OfHuge(address, heapSerial);
    }

    /// <summary>Does the same for an address that is in no arena of the asking heap. Nothing of another heap is read, which may be going away.</summary>
    public static BlockAddress OfHuge(nint address, ulong heapSerial) =>
        HugeBlockTable.TryFind(address, out HugeBlock huge)
            ? new BlockAddress(address, KindOf(address, huge, heapSerial), huge)
            : new BlockAddress(address, BlockKind.Foreign, PageEntry.Unused);

    /// <summary>Determines whether an address in an arena, with what its page entry has just said, is a small block of a heap.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsSmall(nint address, uint entry, ulong heapSerial) =>
        PageEntry.IsOfBlocks(entry) && !SizeClasses.IsOwnSpan(PageEntry.SizeClass(entry))
        && ArenaHeader.Descriptor(ArenaHeader.ArenaOf(address))->HeapSerial == heapSerial;

    /// <summary>Determines whether an address whose page entry is that of a large block is where the block begins.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsStartOfLarge(nint address) => (address & (PageGeometry.PageSize - 1)) == 0;

    /// <summary>Determines what an address is whose page entry is known to be one for blocks of the asking heap.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static BlockAddress OfOwn(nint address, uint entry) => new(address, KindOfSpan(address, entry), entry);

    /// <summary>Gets the bytes of the slots of a span that an entry names; 0 when the entry has just become outdated.</summary>
    /// <param name="start">The first byte of the page, or of the block, that has the entry.</param>
    /// <param name="entry">The entry.</param>
    public static nuint SlotBytesOf(nint start, uint entry)
    {
        uint sizeClass = PageEntry.SizeClass(entry);
        return sizeClass != SizeClasses.None ? SizeClasses.Info(sizeClass).Size : LargeBlocks.BytesOfRun(start, entry);
    }

    private static BlockKind KindOf(nint address, uint entry, ulong heapSerial)
    {
        if (ArenaHeader.Descriptor(ArenaHeader.ArenaOf(address))->HeapSerial != heapSerial)
        {
            return BlockKind.OtherHeap;
        }

        if (entry == PageEntry.Unused)
        {
            return BlockKind.FreePage;
        }

        if (PageEntry.IsInside(entry))
        {
            // The entry of its first page says what a large block is.
            nint start = ArenaHeader.StartOfSpan(address, entry);
            return PageEntry.IsTraced(Volatile.Read(ref *ArenaHeader.EntryOf(start))) ? BlockKind.Traced : BlockKind.Interior;
        }

        return PageEntry.IsTraced(entry) ? BlockKind.Traced
            : PageEntry.IsGuarded(entry) ? BlockKind.Guarded
            : KindOfSpan(address, entry);
    }

    private static BlockKind KindOf(nint address, in HugeBlock huge, ulong heapSerial) =>
        huge.HeapSerial != heapSerial ? BlockKind.OtherHeap
        : huge.Guarded != 0 ? BlockKind.Guarded
        : huge.IsKept ? BlockKind.Freed
        : huge.Address != address ? BlockKind.Interior
        : BlockKind.Huge;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static BlockKind KindOfSpan(nint address, uint entry) =>
        !SizeClasses.IsOwnSpan(PageEntry.SizeClass(entry)) ? BlockKind.Small
        : IsStartOfLarge(address) ? BlockKind.Large
        : BlockKind.Interior;
}
