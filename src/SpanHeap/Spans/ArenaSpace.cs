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

    // In one request to the platform's allocator after a heap's first arena: what aligning wastes is then a fraction of an arena each.
    private const int ArenasPerRequest = 4;

    // Of shares of an arena that the platform's allocator is asked for on top of one: half, and so on down to a sixteenth.
    private const int MostHalvings = 4;

    /// <summary>Address space for at least one arena of so many bytes; false when there is none.</summary>
    /// <param name="least">Bytes that the arena must have, at most the size of one.</param>
    /// <param name="isFirst">Whether it is the heap's first.</param>
    /// <param name="range">What was had; its memory is zero where <see cref="ArenaRange.Block"/> is null.</param>
    public bool TryReserve(nuint least, bool isFirst, out ArenaRange range) =>
        TryMap(least, out range) || (!isFirst && TryAllocate(ArenasPerRequest, out range)) || TryAllocate(1, out range) || TryAllocateShort(least, out range);

    /// <summary>Makes the last arena of a range longer, by as much as there is room for.</summary>
    /// <param name="range">The range, which must have been mapped.</param>
    /// <param name="least">Bytes that are needed.</param>
    /// <returns>How many bytes it has more; 0 when there are not so many.</returns>
    public nuint TryExtend(ref ArenaRange range, nuint least)
    {
        nuint whole = (nuint)PageGeometry.ArenaSize;
        nuint rest = whole - (nuint)(range.End - range.First);
        least = RoundUp(least, Step);
        if (range.Block != null || least > rest)
        {
            return 0;
        }

        // Locked memory doubles: no more than as much again is resident for nothing.
        nuint wanted = range.IsLocked ? Math.Min(rest, Math.Max(least, whole - rest)) : rest;
        nuint more = TryExtendBy(range.End, wanted, least);
        range.End += (nint)more;
        range.Bytes += more;
        return more;
    }

    // A whole arena costs nothing but addresses, unless mapping makes resident. A short one lies where there was room for its first part.
    private bool TryMap(nuint least, out ArenaRange range)
    {
        nuint whole = (nuint)PageGeometry.ArenaSize;
        nuint first = Math.Min(RoundUp(least, Step), whole);
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

    // As much as there is room for: what is wanted, half of it, and so on.
    private nuint TryExtendBy(nint end, nuint wanted, nuint least)
    {
        while (wanted >= least && !os.ExtendMap(end, wanted))
        {
            wanted = wanted == least ? 0 : Math.Max(RoundUp(wanted / 2, Step), least);
        }

        return wanted >= least ? wanted : 0;
    }

    private bool TryAllocate(int arenas, out ArenaRange range) =>
        TryAllocate((nuint)(arenas + 1) * (nuint)PageGeometry.ArenaSize, (nuint)arenas * (nuint)PageGeometry.ArenaSize, out range);

    // Less than aligning may take: where the block happens to lie decides how much of it is of use.
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

        nuint first = RoundUp((nuint)block, whole);
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
            First = (nint)first, Arenas = (int)((usable + whole - 1) / whole), End = (nint)(first + usable), Block = block, Bytes = bytes,
        };
        return true;
    }

    private static nuint RoundUp(nuint bytes, nuint unit) => (bytes + unit - 1) & ~(unit - 1);
}
