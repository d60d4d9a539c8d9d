using System.Diagnostics;
using System.Numerics;
using System.Runtime.ExceptionServices;
using SpanHeap.Layouts;
using SpanHeap.Os;
using SpanHeap.Spans;
using SpanHeap.Sweeping;

namespace SpanHeap.Tracing;

/// <summary>The markers of one collection: the collecting thread and, where there is enough to do, some that help.</summary>
internal sealed unsafe class MarkTeam : IDisposable
{
    // Below this many live bytes, waking helpers takes longer than they save.
    private const long BytesWorthHelp = 4 * 1024 * 1024;

    private readonly MarkQueue _queue;
    private readonly MarkHelpChoice _choice = new();
    private readonly int _maxThreads;

    // Those of the marking that is under way.
    private readonly List<MarkHelper> _helpers = [];
    private bool _lacksThreads;

    /// <summary>How many threads marked last.</summary>
    public int LastMarkers { get; private set; }

    /// <exception cref="OutOfMemoryException">There is no memory for the little that one marker needs.</exception>
    public MarkTeam(OsMemory os, MetadataAllocator metadata, int maxThreads)
    {
        _maxThreads = Math.Min(maxThreads, Environment.ProcessorCount);
        _queue = new MarkQueue(os, metadata);
        try
        {
            // What it has goes to the spare ones: so that no later collection fails for want of memory.
            new MarkStack(_queue).Release();
        }
        catch (OutOfMemoryException)
        {
            _queue.Dispose();
            throw;
        }
    }

    /// <summary>Marks all that the heap's roots reach. No thread is in a scope, and all is swept.</summary>
    /// <returns>Bytes marked.</returns>
    /// <remarks>After an exception, of a program's trace function or for want of memory, nothing is marked.</remarks>
    public long Mark(TracedHeap heap, uint plane)
    {
        bool large = heap.Pacer.LiveBytes >= BytesWorthHelp && _maxThreads > 1;
        int wanted = large && _choice.WantsHelp ? _maxThreads - 1 : 0;
        long start = Stopwatch.GetTimestamp();
        Marker marker = new(_queue, plane, shared: wanted > 0);
        int started = 0;
        Exception? failure = null;
        try
        {
            int helpers = Hire(wanted, plane);
            LastMarkers = 1 + helpers;
            _queue.Begin(1 + helpers);
            for (; started < helpers; started++)
            {
                _helpers[started].Start();
            }

            heap.Roots.VisitAll(marker);
            marker.Drain();
        }
        catch (Exception exception)
        {
            _queue.Abandon();
            failure = exception;
        }

        marker.Release();
        long bytes = marker.BytesMarked;
        bool overflowed = marker.Overflowed;
        for (int i = 0; i < started; i++)
        {
            failure = _helpers[i].Finish(ref bytes, ref overflowed) ?? failure;
        }

        try
        {
            while (failure == null && overflowed)
            {
                bytes += MarkAgain(heap, plane, out overflowed);
            }
        }
        catch (Exception exception)
        {
            failure = exception;
        }

        _helpers.ForEach(MarkHelpers.Give);
        _helpers.Clear();
        if (failure != null)
        {
            Undo(heap, plane);
            ExceptionDispatchInfo.Throw(failure);
        }

        if (large)
        {
            _choice.Note(started > 0, bytes, Stopwatch.GetTimestamp() - start);
        }

        return bytes;
    }

    /// <summary>Gives back what a marking has needed beyond what most do. While nobody marks.</summary>
    public void Trim() => _queue.Chunks.Trim();

    public void Dispose() => _queue.Dispose();

    // As many as the system gives threads and memory for. A thread that was refused is not asked for again.
    private int Hire(int wanted, uint plane)
    {
        int ready = 0;
        try
        {
            while (ready < wanted && TryAddHelper())
            {
                _helpers[ready].Prepare(_queue, new Marker(_queue, plane, shared: true));
                ready++;
            }
        }
        catch (OutOfMemoryException)
        {
            // Then with fewer.
        }

        return ready;
    }

    private bool TryAddHelper()
    {
        if (!_lacksThreads && MarkHelpers.TryTake() is { } helper)
        {
            _helpers.Add(helper);
            return true;
        }

        _lacksThreads = true;
        return false;
    }

    // Somewhere in the heap lies a block that is marked and was not looked into: there was no memory to remember it.
    private long MarkAgain(TracedHeap heap, uint plane, out bool overflowed)
    {
        Marker marker = new(_queue, plane, shared: false);
        try
        {
            _queue.Begin(1);
            heap.Roots.VisitAll(marker);
            marker.Drain();
            TracedWalk walk = new(heap.Core);
            while (walk.MoveNext())
            {
                if (TracedKinds.Info(walk.Current->Kind)->Form > TracedForm.Collectable)
                {
                    ScanMarked(marker, walk.Current, plane);
                }
            }
        }
        finally
        {
            marker.Release();
        }

        overflowed = marker.Overflowed;
        return marker.BytesMarked;
    }

    // Each with an empty stack: so that each comes to something, however little memory there is.
    private void ScanMarked(Marker marker, TracedSpan* span, uint plane)
    {
        TracedKind* kind = TracedKinds.Info(span->Kind);
        for (int word = 0; word < TracedSlots.Words(span); word++)
        {
            for (ulong bits = *TracedSlots.Word(span, word, plane); bits != 0; bits &= bits - 1)
            {
                marker.Scan(TracedSlots.AddressOf(span, word) + (BitOperations.TrailingZeroCount(bits) * TracedBits.Granule), kind);
                _queue.Begin(1);
                marker.Drain();
            }
        }
    }

    // The heap is as it was before marking: all marks go.
    private void Undo(TracedHeap heap, uint plane)
    {
        _queue.Clear();
        TracedWalk walk = new(heap.Core);
        while (walk.MoveNext())
        {
            TracedSlots.Clear(walk.Current, plane);
        }
    }
}
