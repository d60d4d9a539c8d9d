using System.Numerics;
using SpanHeap.Os;

namespace SpanHeap.Pages;

/// <summary>Runs of bits in a row of 64-bit words: one bit per page of an arena.</summary>
internal static unsafe class PageBitmap
{
    private const int BitsPerWord = 64;

    public static void Set(ulong* bits, int start, int count)
    {
        for (int end = start + count; start < end; start = NextWord(start))
        {
            bits[start / BitsPerWord] |= Mask(start, end);
        }
    }

    public static void Clear(ulong* bits, int start, int count)
    {
        for (int end = start + count; start < end; start = NextWord(start))
        {
            bits[start / BitsPerWord] &= ~Mask(start, end);
        }
    }

    /// <summary>Counts the bits of the range that are set.</summary>
    public static int Count(ulong* bits, int start, int count)
    {
        int sum = 0;
        for (int end = start + count; start < end; start = NextWord(start))
        {
            sum += BitOperations.PopCount(bits[start / BitsPerWord] & Mask(start, end));
        }

        return sum;
    }

    /// <summary>The first set bit at or after <paramref name="start"/>, or <paramref name="end"/>.</summary>
    public static int NextSet(ulong* bits, int start, int end) => Next(bits, start, end, 0);

    /// <summary>The first clear bit at or after <paramref name="start"/>, or <paramref name="end"/>.</summary>
    public static int NextClear(ulong* bits, int start, int end) => Next(bits, start, end, ulong.MaxValue);

    /// <summary>The first set bit at a multiple of <paramref name="alignment"/>, a power of two, at or after <paramref name="start"/>, which is one; or <paramref name="end"/>.</summary>
    public static int NextSetAligned(ulong* bits, int start, int end, int alignment)
    {
        Invariant.Assert(BitOperations.IsPow2(alignment) && start % alignment == 0, "The search begins at a multiple of a power of two.");
        ulong multiples = alignment < BitsPerWord ? ulong.MaxValue / ((1UL << alignment) - 1) : 1;
        int step = Math.Max(alignment, BitsPerWord);
        while (start < end)
        {
            ulong word = (bits[start / BitsPerWord] & multiples) >> (start % BitsPerWord);
            if (word != 0)
            {
                return Math.Min(end, start + BitOperations.TrailingZeroCount(word));
            }

            start = (start & -step) + step;
        }

        return end;
    }

    /// <summary>The first run of at least <paramref name="count"/> set bits inside the range; -1 when there is none.</summary>
    public static int FindRun(ulong* bits, int start, int end, int count)
    {
        while (true)
        {
            start = NextSet(bits, start, end);
            if (end - start < count)
            {
                return -1;
            }

            int stop = NextClear(bits, start, Math.Min(end, start + count));
            if (stop - start >= count)
            {
                return start;
            }

            start = stop;
        }
    }

    private static int Next(ulong* bits, int start, int end, ulong flip)
    {
        while (start < end)
        {
            ulong word = (bits[start / BitsPerWord] ^ flip) >> (start % BitsPerWord);
            if (word != 0)
            {
                return Math.Min(end, start + BitOperations.TrailingZeroCount(word));
            }

            start = NextWord(start);
        }

        return end;
    }

    /// <summary>
    /// The first of the set bits that end right before <paramref name="end"/>, or <paramref name="floor"/> if they begin before it;
    /// <paramref name="end"/> when there are none.
    /// </summary>
    public static int StartOfRun(ulong* bits, int end, int floor)
    {
        while (end > floor)
        {
            int last = end - 1;
            ulong clear = ~bits[last / BitsPerWord] << (BitsPerWord - 1 - (last % BitsPerWord));
            if (clear != 0)
            {
                return Math.Max(floor, end - BitOperations.LeadingZeroCount(clear));
            }

            end = last & ~(BitsPerWord - 1);
        }

        return floor;
    }

    /// <summary>The first bit of the next word, for a walk from word to word.</summary>
    public static int NextWord(int bit) => (bit | (BitsPerWord - 1)) + 1;

    /// <summary>The bits of <paramref name="start"/>'s word that lie in [start, end).</summary>
    public static ulong Mask(int start, int end)
    {
        Invariant.Assert(start >= 0 && start < end, "A mask has bits.");
        ulong from = ulong.MaxValue << (start % BitsPerWord);
        int left = end - (start & ~(BitsPerWord - 1));
        return left >= BitsPerWord ? from : from & ((1UL << left) - 1);
    }
}
