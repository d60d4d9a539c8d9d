using System.Numerics;

namespace SpanHeap.Traced.Collecting;

/// <summary>
/// Counts durations by their size, in buckets an eighth of a power of two wide, so that a percentile is known to within an eighth whatever the number of
/// durations. (The buckets of HdrHistogram, with three bits.)
/// </summary>
/// <remarks>Written by the thread that collects; read by any thread, which may miss durations that are being noted.</remarks>
internal sealed class PauseHistogram
{
    private const int SubBits = 3;
    private const int SubBuckets = 1 << SubBits;

    // Ticks of 100 ns, up to the largest TimeSpan. Durations of less than SubBuckets ticks have buckets of their own.
    private readonly long[] _counts = new long[(64 - SubBits) * SubBuckets];

    private long _total;

    public void Note(TimeSpan duration)
    {
        ref long count = ref _counts[BucketOf(duration.Ticks)];
        Volatile.Write(ref count, count + 1);
        Volatile.Write(ref _total, _total + 1);
    }

    /// <summary>
    /// Gets a duration that the given part of all durations does not exceed: the upper end of the bucket in which the last of these lies. Zero without
    /// durations.
    /// </summary>
    /// <param name="part">From 0 to 1.</param>
    public TimeSpan Percentile(double part)
    {
        long total = Volatile.Read(ref _total);
        long wanted = Math.Max(1, (long)Math.Ceiling(total * part));
        for (int bucket = 0; bucket < _counts.Length && total > 0; bucket++)
        {
            wanted -= Volatile.Read(ref _counts[bucket]);
            if (wanted <= 0)
            {
                return new TimeSpan(LastOf(bucket));
            }
        }

        return TimeSpan.Zero;
    }

    private static int BucketOf(long ticks)
    {
        if (ticks < SubBuckets)
        {
            return (int)Math.Max(0, ticks);
        }

        int shift = BitOperations.Log2((ulong)ticks) - SubBits;
        return ((shift + 1) * SubBuckets) + (int)((ticks >> shift) & (SubBuckets - 1));
    }

    // The largest number of ticks in a bucket.
    private static long LastOf(int bucket)
    {
        if (bucket < SubBuckets)
        {
            return bucket;
        }

        int shift = (bucket / SubBuckets) - 1;
        return ((long)((bucket % SubBuckets) + SubBuckets + 1) << shift) - 1;
    }
}
