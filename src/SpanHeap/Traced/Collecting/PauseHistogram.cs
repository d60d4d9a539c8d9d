namespace SpanHeap.Traced.Collecting;

/// <summary>
/// Counts durations by their size, in buckets an eighth of a power of two wide, so that a percentile is known to within an eighth whatever the number of
/// durations. (The buckets of HdrHistogram, with three bits.)
/// </summary>
/// <remarks>Written by the thread that collects; read by any thread, which may miss durations that are being noted.</remarks>
internal sealed class PauseHistogram
{
    private const int StepBits = 3;

    // Of ticks of 100 ns, up to the largest TimeSpan.
    private readonly long[] _counts = new long[LogarithmicSteps.CountUpTo(63, StepBits)];

    private long _total;

    /// <summary>The number of durations.</summary>
    public long Count => Volatile.Read(ref _total);

    public void Note(TimeSpan duration)
    {
        ref long count = ref _counts[LogarithmicSteps.IndexOf(Math.Max(0, duration.Ticks), StepBits)];
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
                return new TimeSpan(LogarithmicSteps.LargestAt(bucket, StepBits));
            }
        }

        return TimeSpan.Zero;
    }
}
