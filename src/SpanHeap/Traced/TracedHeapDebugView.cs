using SpanHeap.Heap;

namespace SpanHeap.Traced;

/// <summary>
/// Shows a heap with traced memory in a debugger. It has only figures that need no lock, since a thread that the debugger has stopped may hold any.
/// </summary>
internal sealed class TracedHeapDebugView(TracedHeap heap)
{
    private readonly WingFigures _figures = heap.Core.Wing!.Figures;

    public string Name => heap.Name;

    public bool IsDisposed => heap.IsDisposed;

    public NativeHeap Native => heap.Native;

    public long LiveBytes => _figures.LiveBytes;

    public long Collections => _figures.Collections;

    public TimeSpan TotalPause => _figures.TotalPause;

    public CollectionInfo? LastCollection => heap.LastCollection;
}
