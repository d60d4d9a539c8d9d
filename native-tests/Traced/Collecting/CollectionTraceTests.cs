using SpanHeap.Tests.Support;
using SpanHeap.Traced;
using SpanHeap.Traced.Collecting;

namespace SpanHeap.Tests.Traced.Collecting;

/// <summary>What is written about each collection.</summary>
public sealed class CollectionTraceTests
{
    private const long Mebibyte = 1 << 20;

    [Fact]
    public void A_collection_is_one_readable_line()
    {
        CollectionInfo done = new(
            12, CollectionReason.Growth, 65 * Mebibyte, (5 * Mebibyte) / 4, 67 * Mebibyte, TimeSpan.FromMilliseconds(0.01), TimeSpan.FromMilliseconds(1.98),
            TimeSpan.FromMilliseconds(2.05), 2);
        Assert.Equal(
            "spanheap 'Pages' 12 growth: 65.0 -> 1.2 MiB, next at 67.0; paused 2.05 ms (finishing 0.01, marking 1.98 by 2)",
            CollectionTrace.Line("Pages", done));
    }

    // In a process of its own, whose error stream it is.
    [Fact]
    public void A_broken_error_stream_costs_the_line_alone()
    {
        ChildProgram.Result child = ChildProgram.Run(CollectWithBrokenStream);
        Assert.True(child.ExitCode == 0 && child.Output.Contains("written 6 times", StringComparison.Ordinal), child.Output + child.Error);
    }

    private static void CollectWithBrokenStream()
    {
        int written = 0;
        foreach (Exception failure in (Exception[])[new IOException("broken pipe"), new ObjectDisposedException("stream"), new InvalidOperationException("the program's own")])
        {
            using BrokenWriter writer = new(failure);
            Console.SetError(writer);
            using TracedHeap heap = new(new TracedHeapOptions { LogCollections = true });
            heap.Collect();
            heap.Parts.Pacer.RequestCycle();
            using (TracedScope scope = heap.Enter())
            {
                scope.New<Node>();
            }

            heap.Verify();
            written += writer.Asked;
        }

        Console.WriteLine($"written {written} times");
    }
}
