using SpanHeap.Traced;
using SpanHeap.Traced.Collecting;

namespace SpanHeap.Perf.Traced.Workers;

/// <summary>A traced heap for one run of a program, and how long each of its collections kept the program out.</summary>
/// <remarks>
/// Of one thread. A due collection happens where that thread enters a scope, one at most: to look there is to miss none.
/// </remarks>
internal sealed class SpanHeapSession : IDisposable
{
    private readonly Collector _collector;
    private readonly List<double> _pauses = new(4096);
    private long _cyclesSeen;

    public SpanHeapSession(TracedHeapOptions options)
    {
        Heap = new TracedHeap(options);
        _collector = Heap.Parts.Collector;
    }

    public TracedHeap Heap { get; }

    public long Collections => _collector.Cycles;

    /// <summary>The pause of each collection in milliseconds.</summary>
    public double[] Pauses => [.. _pauses];

    public TracedScope Enter()
    {
        TracedScope scope = Heap.Enter();
        Look();
        return scope;
    }

    public void Collect()
    {
        Heap.Collect();
        Look();
    }

    public void Dispose() => Heap.Dispose();

    private void Look()
    {
        if (_collector.Cycles == _cyclesSeen)
        {
            return;
        }

        _cyclesSeen = _collector.Cycles;
        _pauses.Add(_collector.Pauses.Last.TotalMilliseconds);
    }
}
