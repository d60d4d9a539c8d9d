using System.Diagnostics;
using System.Runtime.ExceptionServices;
using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Traced.Roots;

namespace SpanHeap.Traced.Marking;

/// <summary>The markers of one collection: the collecting thread and, if there is enough to do, helpers.</summary>
internal sealed unsafe class MarkTeam : IDisposable
{
    // Below this many live bytes, waking helpers takes longer than they save.
    private const long BytesWorthHelp = 4 * 1024 * 1024;

    // Of young blocks most are dead.
    private const long YoungBytesWorthHelp = 64 * BytesWorthHelp;

    private readonly RootTable _roots;
    private readonly MarkQueue _queue;
    private readonly MarkHelpChoice _choice = new();
    private readonly int _maxThreads;

    // The helpers of the marking that is under way.
    private readonly List<MarkHelper> _helpers = [];
    private bool _lacksThreads;

    /// <summary>The number of threads that marked last.</summary>
    public int LastMarkers { get; private set; }

    /// <summary>The arrays of weak entries that the marking that is under way has reached.</summary>
    public WeakArrays Weak { get; }

    /// <summary>What is done after markers have found nothing left, or when marking is given up.</summary>
    public MarkRepair Repair { get; }

    /// <summary>What the markers share.</summary>
    public MarkQueue Queue => _queue;

    /// <exception cref="OutOfMemoryException">There is no memory for the little that one marker needs.</exception>
    public MarkTeam(RootTable roots, PageHeap pages, OsMemory os, MetadataAllocator metadata, int maxThreads)
    {
        _roots = roots;
        _maxThreads = Math.Min(maxThreads, Environment.ProcessorCount);
        _queue = new MarkQueue(os, metadata);
        Weak = new WeakArrays(os, metadata);
        Repair = new MarkRepair(pages, _queue, Weak);
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
        bool large = live >= BytesWorthHelp && _maxThreads > 1 && changed == null;
        bool muchYoung = live >= YoungBytesWorthHelp && changed != null;
        int wanted = muchYoung || (large && _choice.WantsHelp) ? _maxThreads - 1 : 0;
        long start = Stopwatch.GetTimestamp();
        Marker marker = new(_queue, Weak, bitmap, shared: wanted > 0);
        int started = 0;
        Repair.Begin();
        Exception? failure = null;
        try
        {
            int helpers = Hire(wanted, bitmap);
            LastMarkers = 1 + helpers;
            _queue.Begin(1 + helpers);
            for (; started < helpers; started++)
            {
                _helpers[started].Start();
            }

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
        for (int i = 0; i < started; i++)
        {
            failure = _helpers[i].Finish(ref bytes, ref overflowed) ?? failure;
        }

        failure ??= Repair.Complete(bitmap, overflowed, ref bytes);
        _helpers.ForEach(MarkHelpers.Give);
        _helpers.Clear();
        if (failure != null)
        {
            Repair.Undo(bitmap);
            ExceptionDispatchInfo.Throw(failure);
        }

        if (large)
        {
            _choice.Note(started > 0, bytes, Stopwatch.GetTimestamp() - start);
        }

        return bytes;
    }

    /// <summary>Gives back the memory that a marking has needed beyond what most need. No thread marks meanwhile.</summary>
    public void Trim() => _queue.Chunks.Trim();

    public void Dispose() => _queue.Dispose();

    // Takes as many as the system gives threads and memory for. After a refusal, no further thread is requested.
    private int Hire(int wanted, uint bitmap)
    {
        int ready = 0;
        try
        {
            while (ready < wanted && TryAddHelper())
            {
                _helpers[ready].Prepare(_queue, new Marker(_queue, Weak, bitmap, shared: true));
                ready++;
            }
        }
        catch (OutOfMemoryException)
        {
            // Then there are fewer helpers.
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
}
