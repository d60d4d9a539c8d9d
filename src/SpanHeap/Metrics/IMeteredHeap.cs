using SpanHeap.Heap;

namespace SpanHeap.Metrics;

/// <summary>The public object of a heap, as far as figures are concerned. <see cref="LiveHeaps"/> holds it weakly.</summary>
internal interface IMeteredHeap
{
    /// <summary>The heap itself, which has the figures.</summary>
    HeapCore Core { get; }
}
