using System.Diagnostics;
using System.Runtime.CompilerServices;
using SpanHeap.Traced;
using SpanHeap.Traced.Collecting;

namespace SpanHeap.Perf.Traced.Workers;

/// <summary>A traced heap for one run of a program, and how long each of its collections kept the program out.</summary>
/// <remarks>
/// A due collection happens where a thread enters a scope, one at most: to look there is to miss none, unless two follow each other while no thread
/// looks. Thread safe.
/// </remarks>
internal sealed class SpanHeapSession : IDisposable
{
    private readonly Collector _collector;
    private readonly Lock _lock = new();
    private readonly List<(long At, double Ms)> _pauses = new(4096);

    // Written under the lock; a look without it may find it out of date, and looks again.
    private long _cyclesSeen;

    public SpanHeapSession(TracedHeapOptions options)
    {
        Heap = new TracedHeap(options);
        _collector = Heap.Parts.Collector;
    }

    public TracedHeap Heap { get; }

    public long Collections => _collector.Cycles;

    /// <summary>The pause of each collection in milliseconds.</summary>
    public double[] Pauses => [.. DatedPauses.Select(pause => pause.Ms)];

    /// <summary>The pause of each collection in milliseconds, and the timestamp at which a thread first saw that it had happened.</summary>
    public (long At, double Ms)[] DatedPauses
    {
        get
        {
            lock (_lock)
            {
                return [.. _pauses];
            }
        }
    }

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
        if (_collector.Cycles != Volatile.Read(ref _cyclesSeen))
        {
            Note();
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Note()
    {
        lock (_lock)
        {
            long cycles = _collector.Cycles;
            if (cycles != _cyclesSeen)
            {
                Volatile.Write(ref _cyclesSeen, cycles);
                _pauses.Add((Stopwatch.GetTimestamp(), _collector.Pauses.Last.TotalMilliseconds));
            }
        }
    }
}
