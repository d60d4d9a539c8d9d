namespace SpanHeap.Tests.Stress;

/// <summary>A block as the oracle knows it: where, how long, and by its id what is in it.</summary>
internal readonly unsafe record struct ModelBlock(nint Address, nuint Size, ulong Id)
{
    // Up to here every word is written; longer blocks at both ends, and in between a word in every so many bytes.
    private const nuint WholeUpTo = 2048;
    private const nuint EndBytes = 256;
    private const nuint Stride = 1024;

    // Beyond this only the ends, because it would take too long until the system has made all of its pages.
    private const nuint EndsOnlyAbove = 64 * 1024;

    public void Fill() => Fill(0, Size);

    /// <summary>The first byte that is not as it was written, within so many; -1 when all are.</summary>
    public nint FindDamage(nuint bytes)
    {
        byte* start = (byte*)Address;
        for (nuint at = 0; at + 8 <= bytes; at = Next(at, Size))
        {
            if (*(ulong*)(start + at) != Word(at))
            {
                return (nint)at;
            }
        }

        for (nuint at = Size & ~(nuint)7; at < Size && at < bytes; at++)
        {
            if (start[at] != (byte)Word(at))
            {
                return (nint)at;
            }
        }

        return -1;
    }

    private void Fill(nuint from, nuint to)
    {
        byte* start = (byte*)Address;
        for (nuint at = from; at + 8 <= to; at = Next(at, Size))
        {
            *(ulong*)(start + at) = Word(at);
        }

        for (nuint at = Size & ~(nuint)7; at < Size; at++)
        {
            start[at] = (byte)Word(at);
        }
    }

    private ulong Word(nuint at) => (Id + 1) * 0x9E3779B97F4A7C15 ^ at * 0xD1B54A32D192ED03;

    private static nuint Next(nuint at, nuint size)
    {
        if (size <= WholeUpTo || at + 8 < EndBytes || at + EndBytes >= size - (size & 7))
        {
            return at + 8;
        }

        nuint lastPart = (size & ~(nuint)7) - EndBytes;
        return size > EndsOnlyAbove ? lastPart : Math.Min(at + Stride, lastPart);
    }
}
