using SpanHeap.Traced;

namespace SpanHeap.Tests.Traced;

/// <summary>What a heap's priority may be, and who determines it.</summary>
public sealed class TracedHeapOptionsTests
{
    [Theory]
    [InlineData(-1)]
    [InlineData(2)]
    public void A_priority_that_is_none_is_refused(int priority)
    {
        ArgumentOutOfRangeException error = Assert.Throws<ArgumentOutOfRangeException>(() =>
        {
            using TracedHeap heap = new(new TracedHeapOptions { Priority = (CollectionPriority)priority });
        });
        Assert.Equal("Priority", error.ParamName);
        Assert.Contains("Priority must be one of Throughput, Latency.", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null, CollectionPriority.Throughput, CollectionPriority.Throughput)]
    [InlineData(null, CollectionPriority.Latency, CollectionPriority.Latency)]
    [InlineData("latency", CollectionPriority.Throughput, CollectionPriority.Latency)]
    [InlineData("Throughput", CollectionPriority.Latency, CollectionPriority.Throughput)]
    public void The_environment_determines_the_priority_of_all_heaps(string? text, CollectionPriority set, CollectionPriority expected) =>
        Assert.Equal(expected, new TracedHeapOptions { Priority = set }.WithEnvironment(Named(text)).Priority);

    [Theory]
    [InlineData("1")]
    [InlineData("fast")]
    public void A_priority_in_the_environment_that_is_none_is_refused(string text)
    {
        FormatException error = Assert.Throws<FormatException>(() => new TracedHeapOptions().WithEnvironment(Named(text)));
        Assert.Equal($"The environment variable SPANHEAP_TRACED_PRIORITY is '{text}'; it must be one of Throughput, Latency.", error.Message);
    }

    private static Func<string, string?> Named(string? text) => name => name == "SPANHEAP_TRACED_PRIORITY" ? text : null;
}
