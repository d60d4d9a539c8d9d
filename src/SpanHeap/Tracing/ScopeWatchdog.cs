using SpanHeap.Sweeping;

namespace SpanHeap.Tracing;

/// <summary>Says which scope holds a collection up.</summary>
internal static unsafe class ScopeWatchdog
{
    public static string Describe(TracedHeap heap, TracedCache* cache, TimeSpan waited)
    {
        string since = cache->EnteredAt == 0 ? string.Empty : $", open for {Environment.TickCount64 - cache->EnteredAt} ms";
        string entry = heap.EntryStacks.TryGet((nint)cache, out string? stack) ? $" It was entered{Environment.NewLine}{stack}" : string.Empty;
        return $"The heap '{heap.Name}' could not be collected for {waited.TotalSeconds:0.#} s: thread {cache->ThreadNumber} is in a scope{since}. " +
            $"A scope must end, or call Yield(), for a collection to begin.{entry}";
    }
}
