namespace SpanHeap.Tests.Tracing;

internal static class TracedHeaps
{
    /// <summary>A traced heap that collects when it is told to.</summary>
    public static NativeHeap Still(HeapChecks checks = HeapChecks.Standard) =>
        new(new NativeHeapOptions { Traced = true, TracedMinimum = nuint.MaxValue >> 2, ScavengeDelay = Timeout.InfiniteTimeSpan, Checks = checks });

    /// <summary>Collects, and sweeps all, so that what died can be counted. Nobody else uses the heap: it is verified before, between and after.</summary>
    public static void CollectAndSweep(this NativeHeap heap)
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
