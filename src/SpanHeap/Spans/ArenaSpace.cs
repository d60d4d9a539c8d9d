using SpanHeap.Os;
using SpanHeap.Pages;

namespace SpanHeap.Spans;

/// <summary>
/// Gets address space for arenas: a whole arena where there is room for one, less where there is less, and the rest of a short one later,
/// at its own end. So a process that may have 100 MiB more gets most of that, and one whose memory is locked no more than it needs.
/// </summary>
/// <remarks>
/// For one thread at a time. An arena is mapped at a place chosen here (<see cref="OsMemory.Map"/>), which costs its bytes and no more.
/// Where the system knows no such request, the platform's allocator is asked for one arena more than is wanted, and for several at once.
/// </remarks>
internal sealed unsafe class ArenaSpace(OsMemory os)
{
    /// <summary>What an arena that cannot be had whole grows by at least.</summary>
    public const nuint Step = 1 << 20;

    // Arenas in one request to the platform's allocator after a heap's first one: aligning then wastes a fraction of an arena for each.
    private const int ArenasPerRequest = 4;

    // How many shares of an arena the platform's allocator is asked for on top of one: half, and so on down to a sixteenth.
    private const int MostHalvings = 4;

    // How many ranges of the process may have closed bytes. Each takes two of the mappings that a process may have, some 65,000.
    private const int MostClosed = 4096;

    // Ranges of the process that have closed bytes. Interlocked.
    private static int s_closed;

    /// <summary>Gets address space for at least one arena of so many bytes; false when there is none.</summary>
    /// <param name="least">Bytes that the arena must have, at most the size of one.</param>
    /// <param name="isFirst">Whether it is the heap's first.</param>
    /// <param name="range">The address space; its memory is zero where <see cref="ArenaRange.Block"/> is null.</param>
    public bool TryReserve(nuint least, bool isFirst, out ArenaRange range) =>
        TryMap(least, out range) || (!isFirst && TryAllocate(ArenasPerRequest, out range)) || TryAllocate(1, out range) || TryAllocateShort(least, out range);

    /// <summary>Makes the last arena of a range longer, by what is closed of it, or else by as much as there is room for.</summary>
    /// <param name="range">The range, which must have been mapped.</param>
    /// <param name="least">Bytes that are needed.</param>
    /// <returns>The number of bytes that were added; 0 when there are fewer than were needed.</returns>
    public nuint TryExtend(ref ArenaRange range, nuint least)
    {
        nuint whole = (nuint)PageGeometry.ArenaSize;
        nuint rest = whole - (nuint)(range.End - range.First);
        if (range.Block != null || least > rest)
        {
            return 0;
        }

        least = Math.Min(PageMath.AlignUp(least, Step), rest);

        if (range.Closed > 0)
        {
            return TryOpen(ref range, least);
        }

        // A range of locked memory doubles, so that no more than as much again is resident for nothing.
        nuint wanted = range.IsLocked ? Math.Min(rest, Math.Max(least, whole - rest)) : rest;
        nuint more = TryExtendBy(range.End, wanted, least);
        range.End += (nint)more;
        range.Bytes += more;
        return more;
    }

    /// <summary>Closes the last bytes of a range, in whole pages of the system: no thread can read them, and no dump has them.</summary>
    /// <returns>False, and nothing has changed, when the system refused.</returns>
    public bool TryClose(ref ArenaRange range, nuint bytes)
    {
        Invariant.Assert(bytes % OsMemory.PageSize == 0 && bytes <= (nuint)(range.End - range.First), "What is closed are whole pages of the range.");
        bool first = range.Closed == 0;
        if (first && Interlocked.Increment(ref s_closed) > MostClosed)
        {
            Interlocked.Decrement(ref s_closed);
            return false;
        }

        if (!os.Fault(range.End - (nint)bytes, bytes))
        {
            NoteOpen(first);
            return false;
        }

        range.End -= (nint)bytes;
        range.Closed += bytes;

        // A dump of the process while they were open has made them resident, and no scan looks for that where pages are closed.
        os.Discard(range.End, bytes);
        return true;
    }

    /// <summary>Notes that a range that had closed bytes has none any more: they are open, or gone.</summary>
    public static void NoteOpen(bool hadClosed) => Interlocked.Add(ref s_closed, hadClosed ? -1 : 0);

    // Closed bytes are opened before anything after them can be mapped: half of them, and so on, where the system allows no more.
    private nuint TryOpen(ref ArenaRange range, nuint least)
    {
        nuint wanted = range.Closed;
        least = Math.Min(least, wanted);
        while (wanted >= least && !os.Unfault(range.End, wanted))
        {
            wanted = wanted == least ? 0 : Math.Max(PageMath.AlignUp(wanted / 2, Step), least);
        }

        if (wanted < least)
        {
            return 0;
        }

        range.End += (nint)wanted;
        range.Closed -= wanted;
        NoteOpen(range.Closed == 0);
        return wanted;
    }

    // A whole arena costs nothing but addresses, unless mapping makes resident. A short one lies where there was room for its first part.
    private bool TryMap(nuint least, out ArenaRange range)
    {
        nuint whole = (nuint)PageGeometry.ArenaSize;
        nuint first = Math.Min(PageMath.AlignUp(least, Step), whole);
        bool locked = OsMemory.IsMappingLocked();
        nuint bytes = locked ? first : whole;
        nint arena = os.Map(bytes, whole);
        if (arena == 0 && first < bytes)
        {
            bytes = first;
            arena = os.Map(first, whole);
            bytes += arena != 0 ? TryExtendBy(arena + (nint)first, whole - first, Step) : 0;
        }

        range = default;
        if (arena == 0)
        {
            return false;
        }

        if (!ArenaMap.Covers(arena, whole))
        {
            os.Unmap(arena, bytes);
            return false;
        }

        range = new ArenaRange { First = arena, Arenas = 1, End = arena + (nint)bytes, Bytes = bytes, IsLocked = locked };
        return true;
    }

    // Extends by as much as there is room for: what is wanted, half of it, and so on.
    private nuint TryExtendBy(nint end, nuint wanted, nuint least)
    {
        while (wanted >= least && !os.ExtendMap(end, wanted))
        {
            wanted = wanted == least ? 0 : Math.Max(PageMath.AlignUp(wanted / 2, Step), least);
        }

        return wanted >= least ? wanted : 0;
    }

    private bool TryAllocate(int arenas, out ArenaRange range) =>
        TryAllocate((nuint)(arenas + 1) * (nuint)PageGeometry.ArenaSize, (nuint)arenas * (nuint)PageGeometry.ArenaSize, out range);

    // Asks for less than aligning may take: where the block happens to lie decides how much of it is of use.
    private bool TryAllocateShort(nuint least, out ArenaRange range)
    {
        range = default;
        nuint share = (nuint)PageGeometry.ArenaSize / 2;
        for (int halved = 0; halved < MostHalvings; halved++, share /= 2)
        {
            if (TryAllocate((nuint)PageGeometry.ArenaSize + share, least, out range))
            {
                return true;
            }
        }

        return false;
    }

    private bool TryAllocate(nuint bytes, nuint least, out ArenaRange range)
    {
        nuint whole = (nuint)PageGeometry.ArenaSize;
        range = default;
        void* block = os.Allocate(OsCall.ReserveArena, bytes, zeroed: false);
        if (block == null)
        {
            return false;
        }

        nuint first = PageMath.AlignUp((nuint)block, whole);
        nuint end = (nuint)block + bytes;
        nuint usable = end > first ? (end - first) / Step * Step : 0;
        usable = usable > whole ? usable / whole * whole : usable;
        if (usable < least || !ArenaMap.Covers((nint)first, usable))
        {
            os.Free(block);
            return false;
        }

        range = new ArenaRange
        {
            First = (nint)first,
            Arenas = (int)((usable + whole - 1) / whole),
            End = (nint)(first + usable),
            Block = block,
            Bytes = bytes,
        };
        return true;
    }
}
