using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace SpanHeap.Traced.Collections;

/// <summary>Finds the bucket of a hash.</summary>
internal static class Buckets
{
    /// <summary>The least number of buckets.</summary>
    public const int Least = 16;

    private const ulong Golden = 0x9e3779b97f4a7c15;

    /// <summary>
    /// Gets the bucket that the low bits select, shifted by a mix of the bits above them. So consecutive numbers, the most frequent keys, get
    /// adjacent buckets of their own, and keys at any other distance spread as if at random.
    /// </summary>
    /// <param name="hash">The hash, which may be a bad one.</param>
    /// <param name="shift">64 minus the binary logarithm of the number of buckets.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long Of(uint hash, int shift)
    {
        // The shift count is taken modulo 64, so this shifts out the low bits.
        ulong above = ((ulong)hash >> -shift) * Golden;

        // A second time: one multiplication leaves keys at some distances, such as multiples of 3 << 17, in a third of the buckets.
        above = (above ^ (above >> 32)) * Golden;
        ulong moved = hash + (above >> shift);
        return (long)(moved << shift >> shift);
    }

    /// <summary>Gets what <see cref="Of"/> shifts by: 64 minus the binary logarithm of the number of buckets.</summary>
    /// <param name="count">The number of buckets, a power of two.</param>
    public static int ShiftOf(long count) => 64 - BitOperations.Log2((ulong)count);

    /// <summary>Empties the buckets in use. The others are empty: they have not been written to since their memory was zero.</summary>
    public static void Clear(ref SegmentedArray<int, ValueElements<int>> buckets, long used)
    {
        for (long at = 0; at < used; at += SegmentedArray<int, ValueElements<int>>.RunLength(at, used))
        {
            int run = (int)SegmentedArray<int, ValueElements<int>>.RunLength(at, used);
            MemoryMarshal.CreateSpan(ref buckets.At(at), run).Clear();
        }
    }
}
