namespace SpanHeap.Os;

/// <summary>
/// Maps memory at multiples of an alignment without a byte more than was requested. The platform's allocator can only be asked for the alignment in
/// addition, which doubles the address space of an arena. So the place is chosen here, and the system says whether it is free.
/// </summary>
/// <remarks>
/// Thread safe. The two remembered places are hints. Whatever they are, nothing is ever mapped over anything else, because the system is asked for
/// exactly that place. Linux only; other systems have no such request.
/// </remarks>
internal static class AlignedMappings
{
    // How many taken places are passed in a row, and how many in unknown terrain, where the steps double.
    private const int Tries = 8;
    private const int TriesAfar = 16;

    // Where the next mapping is tried, and the lowest place that was ever obtained. Written by any thread with plain volatile writes: a lost update
    // costs a try or two.
    private static nint s_next;
    private static nint s_lowest;

    /// <summary>Maps zeroed memory at a multiple of a power of two, in bytes of whole system pages. Returns 0 when there is none.</summary>
    public static nint TryMap(nuint bytes, nuint alignment)
    {
        nint step = (nint)alignment;
        nint next = Volatile.Read(ref s_next);
        nint mapped = next > 0 && PosixMemory.MapAt(next, bytes) ? next : 0;
        if (mapped == 0)
        {
            // Either the place is taken or there is no memory; one more call shows which.
            nint anywhere = FindAnywhere(bytes, alignment);
            if (anywhere == 0)
            {
                return 0;
            }

            mapped = TryMapBelow(next, bytes, step, Tries, doubling: false);
            mapped = mapped != 0 ? mapped : TryMapBelow(Volatile.Read(ref s_lowest), bytes, step, Tries, doubling: false);
            mapped = mapped != 0 ? mapped : TryMapBelow(anywhere & -step, bytes, step, TriesAfar, doubling: true);
        }

        if (mapped != 0)
        {
            nint lowest = Volatile.Read(ref s_lowest);
            Volatile.Write(ref s_lowest, lowest == 0 ? mapped : Math.Min(lowest, mapped));
            Volatile.Write(ref s_next, mapped - step);
        }

        return mapped;
    }

    /// <summary>Notes that a place is free again.</summary>
    public static void NoteFree(nint place)
    {
        if (place > Volatile.Read(ref s_next))
        {
            Volatile.Write(ref s_next, place);
        }
    }

    private static nint TryMapBelow(nint place, nuint bytes, nint step, int tries, bool doubling)
    {
        for (int i = 0; i < tries && place > step; i++)
        {
            place -= step;
            if (PosixMemory.MapAt(place, bytes))
            {
                return place;
            }

            step = doubling ? 2 * step : step;
        }

        return 0;
    }

    // An address with a free range at it. The system places new mappings right below the existing ones, so a free range as long as the alignment
    // continues with more free space.
    private static nint FindAnywhere(nuint bytes, nuint alignment)
    {
        nuint longer = Math.Max(bytes, alignment);
        nint anywhere = PosixMemory.MapAnywhere(longer);
        if (anywhere == 0)
        {
            longer = bytes;
            anywhere = PosixMemory.MapAnywhere(longer);
        }

        if (anywhere != 0)
        {
            PosixMemory.Unmap(anywhere, longer);
        }

        return anywhere;
    }
}
