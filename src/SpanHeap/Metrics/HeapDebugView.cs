namespace SpanHeap.Metrics;

/// <summary>
/// Shows a heap in a debugger. It has only figures that need no lock, since a thread that the debugger has stopped may hold any of them.
/// </summary>
internal sealed class HeapDebugView(IMeteredHeap heap)
{
    public string Name => heap.Core.Name;

    public bool IsDisposed => heap.Core.IsDisposed;

    public HeapChecks Checks => heap.Core.Options.Checks;

    public long UsedBytes => HeapFigures.Used(heap.Core);

    public long FreeBytes => HeapFigures.Free(heap.Core);

    public long ReservedBytes => HeapFigures.Reserved(heap.Core);

    public long MetadataBytes => HeapFigures.Metadata(heap.Core);

    public long? LimitBytes => HeapFigures.Limit(heap.Core);

    public long ReturnedBytes => HeapFigures.Returned(heap.Core);

    public long OsCalls => HeapFigures.OsCalls(heap.Core);

    public long MisuseCount => HeapFigures.Misuse(heap.Core);

    public GuardStatistics Guard => HeapFigures.GuardOf(heap.Core);
}
