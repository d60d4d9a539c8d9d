using System.Diagnostics;
using System.Runtime.CompilerServices;
using SpanHeap.Traced;
using SpanHeap.Traced.Collecting;

namespace SpanHeap.Perf.Traced.Workers;

/// <summary>A traced heap for one run of a program, and how long its collections kept the program out each time.</summary>
/// <remarks>
/// Threads are kept out where they enter a scope: to look there is to miss no pause, unless two follow each other while no thread looks. Thread safe.
/// </remarks>
internal sealed class SpanHeapSession : IDisposable
{
    private readonly Collector _collector;
    private readonly Lock _lock = new();
    private readonly List<(long At, double Ms)> _pauses = new(4096);

    // Written under the lock; a look without it may find it out of date, and looks again.
    private long _pausesSeen;

    public SpanHeapSession(TracedHeapOptions options)
    {
        Heap = new TracedHeap(options);
        _collector = Heap.Parts.Collector;
    }

    public TracedHeap Heap { get; }

    public long Collections => _collector.Cycles;

    /// <summary>The pauses in milliseconds.</summary>
    public double[] Pauses => [.. DatedPauses.Select(pause => pause.Ms)];

    /// <summary>The pauses in milliseconds, and the timestamp at which a thread first saw that each had happened.</summary>
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
        if (_collector.Pauses.Count != Volatile.Read(ref _pausesSeen))
        {
            Note();
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Note()
    {
        lock (_lock)
        {
            long count = _collector.Pauses.Count;
            if (count != _pausesSeen)
            {
                Volatile.Write(ref _pausesSeen, count);
                _pauses.Add((Stopwatch.GetTimestamp(), _collector.Pauses.Last.TotalMilliseconds));
            }
        }
    }
}
