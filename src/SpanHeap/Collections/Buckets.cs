using System.Runtime.CompilerServices;

namespace SpanHeap.Collections;

/// <summary>Which bucket a hash has.</summary>
internal static class Buckets
{
    /// <summary>The least number of buckets: a line of the processor's caches, within which neighbours among keys stay neighbours.</summary>
    public const int Least = 1 << LineBits;

    private const int LineBits = 4;
    private const ulong Golden = 0x9e3779b97f4a7c15;

    /// <summary>
    /// Hashes that differ in their last four bits only have buckets side by side, as numbers that were counted up do; which sixteen, all
    /// higher bits have a say in, and so has each in the order of the sixteen: keys at any distance spread.
    /// </summary>
    /// <param name="hash">Good or bad.</param>
    /// <param name="shift">64 less the logarithm of the number of buckets.</param>
    /// <remarks>Multiplied twice: once leaves keys at some distances, such as 256, in a third of the buckets.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long Of(uint hash, int shift)
    {
        ulong line = (hash >> LineBits) * Golden;
        line = (line ^ (line >> 32)) * Golden;
        return (long)(line >> shift) ^ (hash & (Least - 1));
    }
}
