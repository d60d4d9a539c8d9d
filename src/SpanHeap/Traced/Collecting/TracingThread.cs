using SpanHeap.Heap;

namespace SpanHeap.Traced.Collecting;

/// <summary>The process's one thread that works for traced heaps in the background: it sweeps, and collects idle heaps.</summary>
/// <remarks>
/// It is not the thread that maintains heaps, because a collection may take long, and calls code of the program, which may do anything.
/// </remarks>
internal static class TracingThread
{
    public static readonly MaintenanceThread Instance = new("SpanHeap tracing", stackBytes: 0);
}
