using SpanHeap.Traced;

namespace SpanHeap.Tests.Traced;

internal static class TracedHeaps
{
    /// <summary>A traced heap that collects only when it is asked to.</summary>
    public static TracedHeap Still(HeapChecks checks = HeapChecks.Standard, bool concurrent = false, bool freeing = false) => new(new TracedHeapOptions
    {
        MinimumBytes = nuint.MaxValue >> 2,
        ScavengeDelay = Timeout.InfiniteTimeSpan,
        Checks = checks,
        Priority = concurrent ? CollectionPriority.Latency : CollectionPriority.Throughput,
        FreeAtScopeEnd = freeing,
        MarkThreads = concurrent ? 4 : Environment.ProcessorCount,
    });

    /// <summary>The same with full checks, and with so many bytes of what has died kept back.</summary>
    public static TracedHeap Checked(nuint quarantineBytes) => new(new TracedHeapOptions
    {
        MinimumBytes = nuint.MaxValue >> 2,
        ScavengeDelay = Timeout.InfiniteTimeSpan,
        Checks = HeapChecks.Full,
        QuarantineBytes = quarantineBytes,
    });

    /// <summary>Collects, and sweeps all, so that what died can be counted. No other thread uses the heap: it is verified before, between and after.</summary>
    public static void CollectAndSweep(this TracedHeap heap)
    {
        heap.Verify();
        heap.Collect();
        heap.Verify();
        heap.FinishSweeping();
        heap.Verify();
    }

    /// <summary>A message in which blocks of types that share the layout of <see cref="Node"/> are all called that.</summary>
    public static string Plain(this HeapCorruptionException error) =>
        System.Text.RegularExpressions.Regex.Replace(error.Message, @"\w+ or \w+", nameof(Node));
}
