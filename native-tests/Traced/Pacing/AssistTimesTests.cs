using System.Diagnostics;
using SpanHeap.Traced.Pacing;

namespace SpanHeap.Tests.Traced.Pacing;

public sealed class AssistTimesTests
{
    [Fact]
    public void Times_are_added_and_the_longest_is_kept()
    {
        AssistTimes times = new();
        Assert.Equal((TimeSpan.Zero, TimeSpan.Zero), (times.Total, times.Longest));
        long now = Stopwatch.GetTimestamp();
        times.NoteSince(now - (2 * Stopwatch.Frequency));
        times.NoteSince(now - (5 * Stopwatch.Frequency));
        times.NoteSince(now - Stopwatch.Frequency);
        Assert.InRange(times.Total, TimeSpan.FromSeconds(8), TimeSpan.FromSeconds(60));
        Assert.InRange(times.Longest, TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(30));
        Assert.True(times.Longest < times.Total);
    }
}
