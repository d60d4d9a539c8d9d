using SpanHeap.Traced.Contract;
using SpanHeap.Traced.Sweeping;

namespace SpanHeap.Traced.Gating;

/// <summary>Describes the scope that holds up a collection.</summary>
internal sealed unsafe class ScopeWatchdog(HeapIdentity heap, EntryStacks entryStacks)
{
    /// <summary>Says why a collection that was asked for could not begin.</summary>
    /// <param name="cache">The cache of a thread in a scope; null if no thread is in one and another collection was in the way.</param>
    /// <param name="isMarked">Whether the program has a mark session open.</param>
    /// <param name="waited">How long the caller has waited.</param>
    public string Describe(TracedCache* cache, bool isMarked, TimeSpan waited)
    {
        string could = $"The heap '{heap.Name}' could not be collected for {waited.TotalSeconds:0.###} s: ";
        return cache == null
            ? could + (isMarked ? "it is being marked; the MarkSession must be completed or disposed." : "other collections were under way.")
            : $"{could}{DescribeScope(cache)} A scope must end, or call Yield(), for a collection to begin or end.{DescribeEntry(cache)}";
    }

    /// <summary>Says why the heap cannot be disposed.</summary>
    public string DescribeOpen(TracedCache* cache) =>
        $"The heap '{heap.Name}' cannot be disposed: {DescribeScope(cache)} Nothing has changed.{DescribeEntry(cache)}";

    /// <summary>
    /// Describes a scope that holds up a due collection; null if that was reported before and no collection has happened since. Called by the
    /// collector, under its lock.
    /// </summary>
    public CollectionHeldUpEventArgs? TryReport(TracedCache* cache, long cycles, TimeSpan waited)
    {
        ulong scope = cache->Scopes.Outermost;
        if (cache->ReportedScope == scope && cache->ReportedCycle == cycles)
        {
            return null;
        }

        cache->ReportedScope = scope;
        cache->ReportedCycle = cycles;
        entryStacks.TryGet(cache, out string? stack);

        // It has been open at least while the collector waited, whatever the coarser clock says.
        TimeSpan openFor = OpenFor(cache) is { } known && known > waited ? known : waited;
        return new CollectionHeldUpEventArgs(cache->ThreadNumber, openFor, stack);
    }

    private static TimeSpan? OpenFor(TracedCache* cache) =>
        cache->EnteredAt == 0 ? null : TimeSpan.FromMilliseconds(Environment.TickCount64 - cache->EnteredAt);

    private static string DescribeScope(TracedCache* cache)
    {
        string since = OpenFor(cache) is { } time ? $", open for {time.TotalMilliseconds:0} ms" : string.Empty;
        return $"thread {cache->ThreadNumber} is in a scope{since}.";
    }

    private string DescribeEntry(TracedCache* cache) =>
        entryStacks.TryGet(cache, out string? stack) ? $" It was entered{Environment.NewLine}{stack}" : string.Empty;
}
