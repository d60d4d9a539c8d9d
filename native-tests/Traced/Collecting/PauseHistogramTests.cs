using SpanHeap.Traced.Collecting;

namespace SpanHeap.Tests.Traced.Collecting;

public sealed class PauseHistogramTests
{
    [Fact]
    public void Without_durations_each_percentile_is_zero() => Assert.Equal(TimeSpan.Zero, new PauseHistogram().Percentile(0.99));

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(8)]
    [InlineData(9)]
    [InlineData(1000)]
    [InlineData(123_456_789)]
    [InlineData(long.MaxValue)]
    public void A_duration_is_known_to_within_an_eighth(long ticks)
    {
        PauseHistogram histogram = new();
        histogram.Note(new TimeSpan(ticks));
        long found = histogram.Percentile(0.5).Ticks;
        Assert.InRange(found, ticks, ticks > long.MaxValue / 9 * 8 ? long.MaxValue : ticks + (ticks / 8));
    }

    [Theory]
    [InlineData(0.5, 10)]
    [InlineData(0.9, 10)]
    [InlineData(0.91, 1000)]
    [InlineData(0.99, 1000)]
    [InlineData(0.999, 50_000)]
    [InlineData(1, 50_000)]
    public void A_percentile_is_not_exceeded_by_that_part_of_the_durations(double part, long ticks)
    {
        PauseHistogram histogram = new();
        for (int i = 0; i < 1000; i++)
        {
            histogram.Note(new TimeSpan(i < 900 ? 10 : i < 990 ? 1000 : 50_000));
        }

        Assert.InRange(histogram.Percentile(part).Ticks, ticks, ticks + (ticks / 8));
    }
}
