using System.Diagnostics;

namespace SpanHeap.Traced.Pacing;

/// <summary>How long allocations have swept in proportion to what they took, or have marked beside a marker or waited for it.</summary>
/// <remarks>Thread safe: each figure is interlocked.</remarks>
internal sealed class AssistTimes
{
    // In Stopwatch ticks.
    private long _total;
    private long _longest;

    public TimeSpan Total => Stopwatch.GetElapsedTime(0, Volatile.Read(ref _total));

    public TimeSpan Longest => Stopwatch.GetElapsedTime(0, Volatile.Read(ref _longest));

    /// <summary>Notes that an allocation swept, marked or waited from a Stopwatch time stamp until now.</summary>
    public void NoteSince(long start)
    {
        long ticks = Stopwatch.GetTimestamp() - start;
        Interlocked.Add(ref _total, ticks);
        long longest = Volatile.Read(ref _longest);
        while (ticks > longest)
        {
            long found = Interlocked.CompareExchange(ref _longest, ticks, longest);
            if (found == longest)
            {
                return;
            }

            longest = found;
        }
    }
}
