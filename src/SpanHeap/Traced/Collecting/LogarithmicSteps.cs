using System.Numerics;

namespace SpanHeap.Traced.Collecting;

/// <summary>
/// Numbers the steps of a histogram whose buckets are a constant part of what they count: each doubling of the value has the same number of steps, so a
/// percentile is known to within one part in so many whatever its size. (The buckets of HdrHistogram.)
/// </summary>
/// <remarks>The first two doublings of steps are single values; then each step is twice as wide as a doubling before.</remarks>
internal static class LogarithmicSteps
{
    /// <summary>Gets the number of steps that values below a power of two have.</summary>
    /// <param name="valueBits">The exponent of that power: from <paramref name="stepBits"/> to 63.</param>
    /// <param name="stepBits">The number of steps for each doubling, as a power of two.</param>
    public static int CountUpTo(int valueBits, int stepBits) => (valueBits - stepBits + 1) << stepBits;

    /// <summary>Gets the number of the step of a value, from 0.</summary>
    /// <param name="value">At least 0.</param>
    /// <param name="stepBits">The number of steps for each doubling, as a power of two.</param>
    public static int IndexOf(long value, int stepBits)
    {
        int shift = Math.Max(0, BitOperations.Log2((ulong)value) - stepBits);
        return (shift << stepBits) + (int)(value >> shift);
    }

    /// <summary>Gets the largest value of a step.</summary>
    /// <param name="index">The number of the step.</param>
    /// <param name="stepBits">The number of steps for each doubling, as a power of two.</param>
    public static long LargestAt(int index, int stepBits)
    {
        int shift = Math.Max(0, (index >> stepBits) - 1);
        return ((index - ((long)shift << stepBits) + 1) << shift) - 1;
    }
}
