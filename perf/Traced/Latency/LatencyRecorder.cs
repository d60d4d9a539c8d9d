using System.Diagnostics;

namespace SpanHeap.Perf.Traced.Latency;

/// <summary>Times the operations of one thread, and asks the system about those that took long.</summary>
/// <remarks>
/// The system is asked once a millisecond and after each slow operation: asking costs some hundred nanoseconds. So what it says of a slow operation
/// includes up to a millisecond before it.
/// </remarks>
internal sealed class LatencyRecorder(long start)
{
    // More would make the message large and the picture no clearer. All are counted.
    private const int MostListed = 20_000;

    private static readonly long s_sampleTicks = Stopwatch.Frequency / 1000;
    private static readonly long s_slowTicks = (long)(SlowOperation.Threshold.TotalSeconds * Stopwatch.Frequency);

    private readonly List<SlowOperation> _slow = new(MostListed);
    private readonly int[] _causes = new int[Enum.GetValues<SlowCause>().Length];
    private ThreadUsage _usage = ThreadUsage.Now;
    private long _sampledAt = Stopwatch.GetTimestamp();

    public LatencyHistogram Histogram { get; } = new();

    /// <summary>The first slow operations.</summary>
    public IReadOnlyList<SlowOperation> Slow => _slow;

    /// <summary>The number of all slow operations by <see cref="SlowCause"/>.</summary>
    public IReadOnlyList<int> Causes => _causes;

    /// <summary>The longest operation above the threshold that was not preempted, in milliseconds; 0 without any.</summary>
    public double LongestMs { get; private set; }

    /// <summary>Notes an operation, from its beginning to its end.</summary>
    public void Add(long begin, long end)
    {
        Histogram.Add((long)((Int128)(end - begin) * 1_000_000_000 / Stopwatch.Frequency));
        if (end - begin > s_slowTicks)
        {
            AddSlow(begin, end);
        }
        else if (end - _sampledAt > s_sampleTicks)
        {
            Sample(end);
        }
    }

    private void AddSlow(long begin, long end)
    {
        ThreadUsage before = _usage;
        TimeSpan passed = Stopwatch.GetElapsedTime(_sampledAt, end);
        Sample(end);
        TimeSpan took = Stopwatch.GetElapsedTime(begin, end);
        TimeSpan off = before == default ? TimeSpan.Zero : passed - (_usage.Ran - before.Ran);
        SlowCause cause = CauseOf(before, took, off);
        _causes[(int)cause]++;
        LongestMs = cause != SlowCause.Preempted ? Math.Max(LongestMs, took.TotalMilliseconds) : LongestMs;
        if (_slow.Count < MostListed)
        {
            _slow.Add(new SlowOperation(Stopwatch.GetElapsedTime(start, begin).TotalMilliseconds, took.TotalMilliseconds, cause));
        }
    }

    private SlowCause CauseOf(ThreadUsage before, TimeSpan took, TimeSpan off) =>
        off < took / 2 ? SlowCause.Ran : _usage.Waits > before.Waits ? SlowCause.Waited : SlowCause.Preempted;

    private void Sample(long now)
    {
        _usage = ThreadUsage.Now;
        _sampledAt = now;
    }
}
