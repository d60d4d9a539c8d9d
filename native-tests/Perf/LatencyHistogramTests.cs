using SpanHeap.Perf.Traced.Latency;

namespace SpanHeap.Tests.Perf;

/// <summary>Percentiles of a histogram are those of the values, to the width of a step.</summary>
public sealed class LatencyHistogramTests
{
    private const int Seed = 4711;

    // A step is a thirty-second of its doubling.
    private const double Tolerance = 1.0 / 32;

    [Theory]
    [InlineData(0.5)]
    [InlineData(0.9)]
    [InlineData(0.999)]
    [InlineData(1)]
    public void A_percentile_is_that_of_the_values_or_a_thirtieth_more(double part)
    {
        var random = new Random(Seed);
        long[] values = [.. Enumerable.Range(0, 20_000).Select(_ => (long)Math.Exp(random.NextDouble() * 24))];
        var histogram = new LatencyHistogram();
        foreach (long value in values)
        {
            histogram.Add(value);
        }

        long exact = values.Order().ElementAt((int)Math.Ceiling(part * values.Length) - 1);
        Assert.InRange(histogram.Percentile(part), exact, exact * (1 + Tolerance));
    }

    [Fact]
    public void Up_to_63_nanoseconds_nothing_is_rounded()
    {
        for (long value = 0; value < 64; value++)
        {
            var histogram = new LatencyHistogram();
            histogram.Add(value);
            Assert.Equal(value, histogram.Percentile(1));
        }
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(long.MaxValue)]
    public void A_value_out_of_range_is_counted_at_the_end_of_it(long value)
    {
        var histogram = new LatencyHistogram();
        histogram.Add(value);
        Assert.Equal((1, value < 0 ? 0 : (1L << 40) - 1), (histogram.Count, histogram.Percentile(0.5)));
    }

    [Fact]
    public void What_is_told_by_counts_and_added_up_has_the_same_percentiles()
    {
        var one = new LatencyHistogram();
        var other = new LatencyHistogram();
        one.Add(100);
        other.Add(5_000_000);
        other.Add(7);
        var sum = new LatencyHistogram(other.Counts);
        sum.Add(one);
        Assert.Equal((3, 7, other.Percentile(1)), (sum.Count, sum.Percentile(0.1), sum.Percentile(1)));
        Assert.InRange(sum.Percentile(0.5), 100, 104);
    }

    [Fact]
    public void Without_operations_a_percentile_is_0() => Assert.Equal(0, new LatencyHistogram().Percentile(0.99));
}
