using SpanHeap.Contract;

namespace SpanHeap.Tests.Face;

public sealed class EnvironmentOptionTests
{
    private const string Variable = "SPANHEAP_TESTED";

    [Theory]
    [InlineData(null, 0UL)]
    [InlineData("", 0UL)]
    [InlineData("  ", 0UL)]
    [InlineData("0", 0UL)]
    [InlineData("1", 1UL)]
    [InlineData("4096", 4096UL)]
    [InlineData("3K", 3UL << 10)]
    [InlineData("512m", 512UL << 20)]
    [InlineData(" 2G ", 2UL << 30)]
    [InlineData("17179869183G", 17179869183UL << 30)]
    public void Bytes_are_read(string? text, ulong expected) => Assert.Equal((nuint)expected, EnvironmentOption.Bytes(_ => text, Variable));

    [Theory]
    [InlineData("K")]
    [InlineData("-1")]
    [InlineData("1.5G")]
    [InlineData("1T")]
    [InlineData("0x10")]
    [InlineData("lots")]
    [InlineData("1,000")]
    [InlineData("17179869184G")]
    [InlineData("99999999999999999999")]
    public void Bytes_that_mean_nothing_are_an_error_that_names_variable_and_value(string text) =>
        AssertRefused(() => EnvironmentOption.Bytes(_ => text, Variable), text);

    [Theory]
    [InlineData(null, 77)]
    [InlineData("", 77)]
    [InlineData("0", 0)]
    [InlineData("250", 250)]
    [InlineData("86400000", 86_400_000)]
    [InlineData("-1", -1)]
    public void Milliseconds_are_read(string? text, int expected) =>
        Assert.Equal(TimeSpan.FromMilliseconds(expected), EnvironmentOption.Milliseconds(_ => text, Variable, TimeSpan.FromMilliseconds(77)));

    [Fact]
    public void Milliseconds_of_minus_1_are_never() =>
        Assert.Equal(Timeout.InfiniteTimeSpan, EnvironmentOption.Milliseconds(static _ => "-1", Variable, TimeSpan.Zero));

    [Theory]
    [InlineData("-2")]
    [InlineData("86400001")]
    [InlineData("1s")]
    [InlineData("soon")]
    [InlineData("0.5")]
    public void Milliseconds_that_mean_nothing_are_an_error(string text) =>
        AssertRefused(() => EnvironmentOption.Milliseconds(_ => text, Variable, TimeSpan.Zero), text);

    [Theory]
    [InlineData(null, HeapChecks.Standard)]
    [InlineData("", HeapChecks.Standard)]
    [InlineData("standard", HeapChecks.Standard)]
    [InlineData("FULL", HeapChecks.Full)]
    [InlineData("Full", HeapChecks.Full)]
    public void Choices_are_read_in_any_case(string? text, HeapChecks expected) =>
        Assert.Equal(expected, EnvironmentOption.Choice<HeapChecks>(_ => text, Variable));

    [Theory]
    [InlineData("some")]
    [InlineData("7")]
    [InlineData("Full!")]
    [InlineData("Standard,Full")]
    public void Choices_that_are_no_name_are_an_error_that_lists_the_names(string text)
    {
        FormatException error = AssertRefused(() => EnvironmentOption.Choice<HeapChecks>(_ => text, Variable), text);
        Assert.Contains("Standard, Full", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null, false)]
    [InlineData("", false)]
    [InlineData("0", false)]
    [InlineData("1", true)]
    [InlineData("true", true)]
    [InlineData("False", false)]
    public void Switches_are_read(string? text, bool expected) => Assert.Equal(expected, EnvironmentOption.Switch(_ => text, Variable));

    [Theory]
    [InlineData("2")]
    [InlineData("on")]
    [InlineData("yes")]
    public void Switches_that_mean_nothing_are_an_error(string text) => AssertRefused(() => EnvironmentOption.Switch(_ => text, Variable), text);

    [Fact]
    public void The_shared_heaps_options_come_from_their_variables()
    {
        Dictionary<string, string> variables = new()
        {
            ["SPANHEAP_MEMORY_LIMIT"] = "64M",
            ["SPANHEAP_SCAVENGE_DELAY_MS"] = "20",
            ["SPANHEAP_CHECKS"] = "full",
            ["SPANHEAP_FOREIGN_FREE"] = "forward",
            ["SPANHEAP_LATE_MISUSE"] = "failfast",
            ["SPANHEAP_HUGE_PAGES"] = "1",
        };
        NativeHeapOptions options = NativeHeapOptions.FromEnvironment(variables.GetValueOrDefault);
        Assert.Equal((nuint)64 << 20, options.MemoryLimit);
        Assert.Equal(TimeSpan.FromMilliseconds(20), options.ScavengeDelay);
        Assert.Equal(HeapChecks.Full, options.Checks);
        Assert.Equal(ForeignFree.Forward, options.ForeignFree);
        Assert.Equal(MisuseResponse.FailFast, options.LateMisuse);
        Assert.True(options.HugePages);
    }

    [Fact]
    public void Without_variables_the_shared_heap_has_the_default_options()
    {
        NativeHeapOptions options = NativeHeapOptions.FromEnvironment(static _ => null);
        NativeHeapOptions defaults = new();
        Assert.Equal("Shared", options.Name);
        Assert.Equal(
            (defaults.MemoryLimit, defaults.ScavengeDelay, defaults.Checks, defaults.ForeignFree, defaults.LateMisuse, defaults.HugePages),
            (options.MemoryLimit, options.ScavengeDelay, options.Checks, options.ForeignFree, options.LateMisuse, options.HugePages));
    }

    private static FormatException AssertRefused<T>(Func<T> read, string text)
    {
        FormatException error = Assert.Throws<FormatException>(() => { read(); });
        Assert.Contains(Variable, error.Message, StringComparison.Ordinal);
        Assert.Contains(text, error.Message, StringComparison.Ordinal);
        return error;
    }
}
