using SpanHeap.Sweeping;

namespace SpanHeap.Tracing;

/// <summary>Says which scope is in the way.</summary>
internal static unsafe class ScopeWatchdog
{
    /// <summary>A collection that was asked for could not begin, for a thread in a scope or, if there is none, another collection.</summary>
    public static string Describe(TracedHeap heap, TracedCache* cache, TimeSpan waited)
    {
        string could = $"The heap '{heap.Name}' could not be collected for {waited.TotalSeconds:0.###} s: ";
        return cache == null
            ? could + (heap.Collector.HasSession ? $"it is being marked; the {nameof(MarkSession)} must be completed or disposed." : "other collections were under way.")
            : $"{could}{DescribeScope(heap, cache)} A scope must end, or call Yield(), for a collection to begin.{DescribeEntry(heap, cache)}";
    }

    /// <summary>The heap cannot be disposed.</summary>
    public static string DescribeOpen(TracedHeap heap, TracedCache* cache) =>
        $"The heap '{heap.Name}' cannot be disposed: {DescribeScope(heap, cache)} Nothing has changed.{DescribeEntry(heap, cache)}";

    /// <summary>
    /// What there is to say of a scope that holds a due collection up; null when that has been said, and no collection has passed since.
    /// By the collector, under its lock.
    /// </summary>
    public static CollectionHeldUpEventArgs? TryReport(TracedHeap heap, TracedCache* cache, long cycles, TimeSpan waited)
    {
        ulong scope = cache->Scopes.Outermost;
        if (cache->ReportedScope == scope && cache->ReportedCycle == cycles)
        {
            return null;
        }

        cache->ReportedScope = scope;
        cache->ReportedCycle = cycles;
        heap.EntryStacks.TryGet(cache, out string? stack);

        // It has been open while the collector waited, whatever the coarser clock says.
        TimeSpan openFor = OpenFor(cache) is { } known && known > waited ? known : waited;
        return new CollectionHeldUpEventArgs(cache->ThreadNumber, openFor, stack);
    }

    private static TimeSpan? OpenFor(TracedCache* cache) =>
        cache->EnteredAt == 0 ? null : TimeSpan.FromMilliseconds(Environment.TickCount64 - cache->EnteredAt);

    private static string DescribeScope(TracedHeap heap, TracedCache* cache)
    {
        string since = OpenFor(cache) is { } time ? $", open for {time.TotalMilliseconds:0} ms" : string.Empty;
        return $"thread {cache->ThreadNumber} is in a scope{since}.";
    }

    private static string DescribeEntry(TracedHeap heap, TracedCache* cache) =>
        heap.EntryStacks.TryGet(cache, out string? stack) ? $" It was entered{Environment.NewLine}{stack}" : string.Empty;
}
