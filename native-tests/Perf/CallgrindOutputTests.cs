using SpanHeap.Perf.CommandLine;
using SpanHeap.Perf.Instructions;

namespace SpanHeap.Tests.Perf;

/// <summary>The counts of a process are read from the file that callgrind writes.</summary>
public sealed class CallgrindOutputTests
{
    [Fact]
    public void Instructions_are_those_of_the_summary() =>
        Assert.Equal(new Counts(4711, null, null), Parse("positions: line", "events: Ir", "summary: 4711", "fn=(0)", "0 16", "totals: 4711"));

    [Fact]
    public void A_file_without_a_summary_has_them_in_its_totals() => Assert.Equal(4711, Parse("events: Ir", "0 16", "totals: 4711").Instructions);

    [Fact]
    public void Misses_of_reads_and_of_writes_are_summed_for_each_level() => Assert.Equal(
        new Counts(1000, 11 + 12, 21 + 22), Parse("events: Ir Dr Dw I1mr D1mr D1mw ILmr DLmr DLmw", "summary: 1000 300 200 5 11 12 6 21 22"));

    [Fact]
    public void Counts_that_are_left_out_at_the_end_are_zero() => Assert.Equal(
        new Counts(1000, 11 + 12, 0), Parse("events: Ir Dr Dw I1mr D1mr D1mw ILmr DLmr DLmw", "summary: 1000 300 200 5 11 12"));

    [Fact]
    public void The_order_of_events_is_what_the_file_says() => Assert.Equal(1000, Parse("events: Dr Ir", "summary: 300 1000").Instructions);

    [Theory]
    [InlineData("events: Ir")]
    [InlineData("summary: 1")]
    [InlineData("events: Dr", "summary: 1")]
    [InlineData("events: Ir", "summary: 1 2")]
    [InlineData("events: Ir", "summary: many")]
    public void Other_files_are_refused(params string[] lines) => Assert.Throws<InputException>(() => Parse(lines));

    [Fact]
    public void What_a_pair_takes_is_the_difference_of_two_counts() =>
        Assert.Equal(new Counts(80, 0.5, 0.25), (new Counts(9000, 60, 30) - new Counts(1000, 10, 5)) / 100);

    private static Counts Parse(params string[] lines) => CallgrindOutput.Parse(lines);
}
