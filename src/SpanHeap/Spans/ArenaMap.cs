using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SpanHeap.Os;
using SpanHeap.Pages;

namespace SpanHeap.Spans;

/// <summary>What an arena-sized piece of the address space holds.</summary>
internal enum ArenaKind : byte
{
    /// <summary>Nothing of ours.</summary>
    Foreign,

    /// <summary>An arena, aligned to its size, its header mapped.</summary>
    Arena,

    /// <summary>Perhaps part of a huge block: its records know.</summary>
    Huge,
}

/// <summary>
/// The process-wide table that says of every possible address whether an arena of ours is there. This is what makes a look-up of any
/// pointer legal, and a free of a foreign one an error instead of a crash.
/// </summary>
/// <remarks>
/// One byte per arena-sized piece of a 48-bit address space, all untouched memory but for the few bytes in use. An entry is written by
/// the thread that adds or removes the arena, by a release store after the arena's header is ready; readers then depend on the
/// address they compute from it and read nothing twice.
/// </remarks>
internal static unsafe class ArenaMap
{
    private const int AddressBits = 48;

    private static readonly byte* s_kinds = CreateTable();

    // Held while a thread looks at the header of an arena that may be any heap's, and while one takes an arena out of the table.
    private static NativeLock s_unmapping = new(LockRank.ArenaMap);

    // User addresses of Windows end at 47 bits, and there the table is charged as commit.
    private static nuint Pieces
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => (nuint)1 << ((OperatingSystem.IsWindows() ? 47 : AddressBits) - PageGeometry.ArenaShift);
    }

    /// <summary>The table, a byte for each piece, and its length. It is never freed. For code that cannot call.</summary>
    public static (nint Table, nuint Pieces) Table => ((nint)s_kinds, Pieces);

    /// <summary>Whether the address lies in an arena (of any heap).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsInArena(nint address) => IsInArena(address, out _);

    /// <summary>Does the same, and gives the number of the piece of the address space in which the address lies.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsInArena(nint address, out nuint piece)
    {
        piece = (nuint)address >> PageGeometry.ArenaShift;
        return RuntimeFeature.IsDynamicCodeCompiled
            ? piece < Pieces && s_kinds[piece] == (byte)ArenaKind.Arena
            : piece < Volatile.Read(ref AheadPieces.Count) && ((byte*)AheadKinds.Table)[piece] == (byte)ArenaKind.Arena;
    }

    /// <summary>
    /// Whether an address lies in an arena of ours and not after the end of one that is shorter than its place. Wherever a page entry is
    /// not of a block this is the question to ask before the answer is that the page is free.
    /// </summary>
    public static bool Holds(nint address) => IsInArena(address) && address < ArenaHeader.EndOf(ArenaHeader.ArenaOf(address));

    public static ArenaKind KindOf(nint address)
    {
        nuint piece = (nuint)address >> PageGeometry.ArenaShift;
        return piece < Pieces ? (ArenaKind)Volatile.Read(ref s_kinds[piece]) : ArenaKind.Foreign;
    }

    /// <summary>Whether a range lies where the table reaches; memory that does not cannot be used.</summary>
    public static bool Covers(nint address, nuint bytes) => ((nuint)address + bytes - 1) >> PageGeometry.ArenaShift < Pieces;

    /// <summary>
    /// Whether an address lies in an arena of a certain heap. For addresses that may be in any heap's: an arena that is just being
    /// unmapped is not looked into.
    /// </summary>
    public static bool IsInArenaOf(ulong heapSerial, nint address)
    {
        s_unmapping.Enter();
        bool own = Holds(address) && ArenaHeader.Descriptor(ArenaHeader.ArenaOf(address))->HeapSerial == heapSerial;
        s_unmapping.Exit();
        return own;
    }

    /// <summary>Takes an arena whose memory is about to go out of the table, once no thread looks into it any more.</summary>
    public static void Remove(nint arena)
    {
        Invariant.Assert(KindOf(arena) == ArenaKind.Arena, "An arena goes once.");
        s_unmapping.Enter();
        Set(arena, ArenaKind.Foreign);
        s_unmapping.Exit();
    }

    /// <summary>Publishes an arena whose header is ready.</summary>
    public static void Set(nint arena, ArenaKind kind)
    {
        Invariant.Assert(arena == ArenaHeader.ArenaOf(arena), "An arena is aligned to its size.");
        Invariant.Assert(kind != ArenaKind.Arena || KindOf(arena) != ArenaKind.Arena, "No two arenas have the same addresses.");
        Volatile.Write(ref s_kinds[(nuint)arena >> PageGeometry.ArenaShift], (byte)kind);
    }

    /// <summary>
    /// Notes that a huge block covers these pieces. Never undone: other huge blocks may lie in the same pieces, and the records are
    /// asked in any case.
    /// </summary>
    public static void AddHuge(nint address, nuint bytes)
    {
        Invariant.Assert(Covers(address, bytes), "A huge block lies where the table reaches.");
        nuint last = ((nuint)address + bytes - 1) >> PageGeometry.ArenaShift;
        for (nuint piece = (nuint)address >> PageGeometry.ArenaShift; piece <= last; piece++)
        {
            // A piece that is an arena holds nothing else.
            if (Volatile.Read(ref s_kinds[piece]) == (byte)ArenaKind.Foreign)
            {
                Volatile.Write(ref s_kinds[piece], (byte)ArenaKind.Huge);
            }
        }
    }

    // Any malloc may be underneath: memory is known to be zero, and unresident, only after it was discarded.
    private static byte* CreateTable()
    {
        OsMemory os = new();
        nuint slack = OsMemory.PageSize;
        byte* block = (byte*)NativeMemory.Alloc(Pieces + slack);
        byte* table = (byte*)(((nuint)block + slack - 1) & ~(slack - 1));
        if (!OsMemory.DiscardedPagesAreZero || !os.Discard((nint)table, Pieces))
        {
            NativeMemory.Clear(table, Pieces);
        }

        AheadKinds.Table = (nint)table;
        Volatile.Write(ref AheadPieces.Count, Pieces);
        return table;
    }

    // The table once more, in classes without an initializer: code compiled ahead of time reads it without asking whether an initializer has run. Its
    // length is 0 until it is made, which is before the first arena. Both are written once, the length last, by a release store; readers read the
    // length first, by an acquire load. Each is the first field of its class, because for a later one such code computes an address first.
    private static class AheadPieces
    {
        public static nuint Count;
    }

    private static class AheadKinds
    {
        public static nint Table;
    }
}
