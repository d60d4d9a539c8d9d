using System.Diagnostics;
using System.Runtime.ExceptionServices;
using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Traced.Roots;

namespace SpanHeap.Traced.Marking;

/// <summary>The markers of one collection: the collecting thread and, if there is enough to do, helpers.</summary>
internal sealed unsafe class MarkTeam : IDisposable
{
    private readonly RootTable _roots;
    private readonly MarkQueue _queue;

    /// <summary>The number of threads that marked last.</summary>
    public int LastMarkers { get; private set; }

    /// <summary>The arrays of weak entries that the marking that is under way has reached.</summary>
    public WeakArrays Weak { get; }

    /// <summary>What is done after markers have found nothing left, or when marking is given up.</summary>
    public MarkRepair Repair { get; }

    /// <summary>The helpers of a marking that keeps threads out.</summary>
    public MarkCrew Crew { get; }

    /// <summary>What the markers share.</summary>
    public MarkQueue Queue => _queue;

    /// <exception cref="OutOfMemoryException">There is no memory for the little that one marker needs.</exception>
    public MarkTeam(RootTable roots, PageHeap pages, OsMemory os, MetadataAllocator metadata, int maxThreads)
    {
        _roots = roots;
        _queue = new MarkQueue(os, metadata);
        Weak = new WeakArrays(os, metadata);
        Repair = new MarkRepair(pages, _queue, Weak);
        Crew = new MarkCrew(_queue, Weak, maxThreads);
        try
        {
            // Its chunks become spare, so that no later collection fails for lack of memory.
            new MarkPages(_queue).Release();
        }
        catch (OutOfMemoryException)
        {
            _queue.Dispose();
            throw;
        }
    }

    /// <summary>Marks all that the heap's roots reach. No thread is in a scope, and everything is swept.</summary>
    /// <param name="bitmap">The bitmap that gets the marks.</param>
    /// <param name="live">The bytes to mark, as far as is known, which decide whether help is worthwhile.</param>
    /// <param name="changed">The blocks that are marked already and stay so, in which there may be references to others; null if there are none.</param>
    /// <returns>Bytes marked.</returns>
    /// <remarks>After an exception, of a program's trace function or for want of memory, nothing is marked.</remarks>
    public long Mark(uint bitmap, long live, OldBlocks? changed)
    {
        // What a minor collection has to mark is mostly little, and not what the choice compares.
        bool isLarge = changed == null && Crew.IsLarge(live);
        int wanted = changed == null ? Crew.Wanted(live) : Crew.WantedForYoung(live);
        long start = Stopwatch.GetTimestamp();
        Marker marker = new(_queue, Weak, bitmap, shared: wanted > 0);
        int started = 0;
        Repair.Begin();
        Exception? failure = null;
        try
        {
            started = Crew.Start(wanted, bitmap);
            LastMarkers = 1 + started;
            RootScan.VisitAll(_roots, marker);
            changed?.VisitChanged(marker, bitmap);
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
        failure = Crew.Finish(started, ref bytes, ref overflowed) ?? failure;
        failure ??= Repair.Complete(bitmap, overflowed, ref bytes);
        if (failure != null)
        {
            Repair.Undo(bitmap);
            ExceptionDispatchInfo.Throw(failure);
        }

        if (isLarge)
        {
            Crew.Note(started > 0, bytes, Stopwatch.GetTimestamp() - start);
        }

        return bytes;
    }

    /// <summary>Gives back the memory that a marking has needed beyond what most need. No thread marks meanwhile.</summary>
    public void Trim() => _queue.Chunks.Trim();

    public void Dispose() => _queue.Dispose();
}
