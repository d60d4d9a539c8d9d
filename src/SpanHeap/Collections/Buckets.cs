using System.Runtime.CompilerServices;

namespace SpanHeap.Collections;

/// <summary>Which bucket a hash has.</summary>
internal static class Buckets
{
    /// <summary>The least number of buckets.</summary>
    public const int Least = 16;

    private const ulong Golden = 0x9e3779b97f4a7c15;

    /// <summary>
    /// The bucket that the low bits say, moved on by what the bits above them say. So numbers that were counted up, the most frequent keys,
    /// have each a bucket of its own beside its neighbour's, and keys at any distance spread as if they were drawn.
    /// </summary>
    /// <param name="hash">Good or bad.</param>
    /// <param name="shift">64 less the logarithm of the number of buckets.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long Of(uint hash, int shift)
    {
        // By a count that is taken modulo 64: as many bits as there are below.
        ulong above = ((ulong)hash >> -shift) * Golden;

        // Again: one multiplication leaves keys at some distances, as multiples of 3 << 17, in a third of the buckets.
        above = (above ^ (above >> 32)) * Golden;
        ulong moved = hash + (above >> shift);
        return (long)(moved << shift >> shift);
    }
}
