using SpanHeap.Layouts;
using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Spans;
using SpanHeap.Sweeping;

namespace SpanHeap.Tracing;

/// <summary>The markers of one collection: the collecting thread and, where there is enough to do, some that help.</summary>
internal sealed unsafe class MarkTeam(OsMemory os, int maxThreads) : IDisposable
{
    // Below this many live bytes, waking helpers takes longer than they save.
    private const long BytesWorthHelp = 4 * 1024 * 1024;

    private readonly MarkQueue _queue = new(os);
    private readonly List<MarkHelper> _helpers = [];
    private long _lastMarked;

    /// <summary>Marks all that the heap's roots reach. No thread is in a scope, and all is swept.</summary>
    /// <returns>Bytes marked.</returns>
    public long Mark(TracedHeap heap, uint plane)
    {
        int helpers = _lastMarked < BytesWorthHelp ? 0 : Math.Min(maxThreads, Environment.ProcessorCount) - 1;
        while (_helpers.Count < helpers)
        {
            _helpers.Add(new MarkHelper(_queue));
        }

        Marker marker = new(_queue, plane, shared: helpers > 0);
        _queue.Begin(1 + helpers);
        for (int i = 0; i < helpers; i++)
        {
            _helpers[i].Start(plane);
        }

        heap.Roots.VisitAll(marker);
        marker.Drain();
        marker.Release();
        bool overflowed = marker.Overflowed;
        long bytes = marker.BytesMarked;
        for (int i = 0; i < helpers; i++)
        {
            Marker other = _helpers[i].Finish();
            overflowed |= other.Overflowed;
            bytes += other.BytesMarked;
        }

        while (overflowed)
        {
            bytes += MarkAgain(heap, plane, out overflowed);
        }

        _lastMarked = bytes;
        return bytes;
    }

    public void Dispose()
    {
        _helpers.ForEach(static helper => helper.Dispose());
        _helpers.Clear();
        _queue.Dispose();
    }

    // Somewhere in the heap lies a block that is marked and was not looked into: there was no memory to remember it.
    private long MarkAgain(TracedHeap heap, uint plane, out bool overflowed)
    {
        Marker marker = new(_queue, plane, shared: false);
        TracedWalk walk = new(heap.Core);
        while (walk.MoveNext())
        {
            TracedSpan* span = walk.Current;
            if (TracedKinds.Info(span->Kind)->Form == TracedForm.NoPointers)
            {
                continue;
            }

            for (int word = 0; word < TracedSlots.Words(span); word++)
            {
                for (ulong bits = *TracedSlots.Word(span, word, plane); bits != 0; bits &= bits - 1)
                {
                    marker.Scan(TracedSlots.AddressOf(span, word) + (System.Numerics.BitOperations.TrailingZeroCount(bits) * TracedBits.Granule));
                }
            }

            _queue.Begin(1);
            marker.Drain();
        }

        marker.Release();
        overflowed = marker.Overflowed;
        return marker.BytesMarked;
    }
}
