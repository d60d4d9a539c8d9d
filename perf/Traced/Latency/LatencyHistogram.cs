using SpanHeap.Traced.Collecting;

namespace SpanHeap.Perf.Traced.Latency;

/// <summary>
/// How long operations took: counts by time, with 32 steps for each doubling, so that a figure is right to three percent whatever its size. After
/// HdrHistogram.
/// </summary>
/// <remarks>Of one thread. Adding to it allocates nothing.</remarks>
internal sealed class LatencyHistogram
{
    private const int StepBits = 5;

    // Times up to 2^40 ns, which is 18 minutes.
    private const int MostBits = 40;

    private readonly long[] _counts = new long[LogarithmicSteps.CountUpTo(MostBits, StepBits)];

    public LatencyHistogram() { }

    /// <summary>Initializes a histogram from the value of <see cref="Counts"/>.</summary>
    public LatencyHistogram(IReadOnlyDictionary<int, long> counts)
    {
        foreach ((int index, long count) in counts)
        {
            _counts[index] = count;
            Count += count;
        }
    }

    /// <summary>The number of operations.</summary>
    public long Count { get; private set; }

    /// <summary>The counts that are not 0, by their index.</summary>
    public Dictionary<int, long> Counts =>
        Enumerable.Range(0, _counts.Length).Where(index => _counts[index] != 0).ToDictionary(index => index, index => _counts[index]);

    public void Add(long nanoseconds)
    {
        _counts[LogarithmicSteps.IndexOf(Math.Clamp(nanoseconds, 0, (1L << MostBits) - 1), StepBits)]++;
        Count++;
    }

    public void Add(LatencyHistogram other)
    {
        for (int i = 0; i < _counts.Length; i++)
        {
            _counts[i] += other._counts[i];
        }

        Count += other.Count;
    }

    /// <summary>Gets the time, in nanoseconds, that a part of all operations did not exceed; 0 without any.</summary>
    /// <param name="part">From 0 to 1; 1 for the longest.</param>
    public long Percentile(double part)
    {
        long wanted = Math.Max(1, (long)Math.Ceiling(part * Count));
        long seen = 0;
        for (int i = 0; i < _counts.Length; i++)
        {
            seen += _counts[i];
            if (seen >= wanted)
            {
                return LogarithmicSteps.LargestAt(i, StepBits);
            }
        }

        return 0;
    }
}
