using SpanHeap.Os;

namespace SpanHeap.Tracing;

/// <summary>A thread that helps with marking, for one collection at a time; between them it waits in <see cref="MarkHelpers"/>.</summary>
internal sealed class MarkHelper : IDisposable
{
    private readonly SemaphoreSlim _begin = new(0);
    private readonly SemaphoreSlim _end = new(0);
    private Thread? _thread;

    // Handed over by the semaphores: the collector's before it begins, the helper's till it ends.
    private MarkQueue? _queue;
    private Marker? _marker;
    private Exception? _failure;

    private MarkHelper()
    {
    }

    /// <summary>The next of those that wait. By the lock of <see cref="MarkHelpers"/>.</summary>
    public MarkHelper? NextIdle { get; set; }

    /// <summary>Whether the thread is there no more.</summary>
    public bool HasEnded => !_thread!.IsAlive;

    /// <summary>A helper that waits for work and is the caller's; null when the system gives no thread.</summary>
    public static MarkHelper? TryStart()
    {
        MarkHelper helper = new();
        helper._thread = BackgroundThread.TryStart(helper.Run, "SpanHeap marker");
        if (helper._thread != null)
        {
            return helper;
        }

        helper.Dispose();
        return null;
    }

    /// <summary>What it will mark with, at the next start.</summary>
    public void Prepare(MarkQueue queue, Marker marker)
    {
        _failure = null;
        _queue = queue;
        _marker = marker;
    }

    public void Start() => Uninterrupted.Release(_begin, 1);

    /// <summary>Waits until it has ended, and adds what it did. It knows nothing of the heap any more after that.</summary>
    /// <returns>Why it gave up, if it did.</returns>
    public Exception? Finish(ref long bytes, ref bool overflowed)
    {
        Uninterrupted.Wait(_end);
        bytes += _marker!.BytesMarked;
        overflowed |= _marker.Overflowed;
        Exception? failure = _failure;
        _marker = null;
        _queue = null;
        _failure = null;
        return failure;
    }

    /// <summary>By the thread, when it ends: nobody has it any more.</summary>
    public void Dispose()
    {
        _begin.Dispose();
        _end.Dispose();
    }

    private void Run()
    {
        // A trace function may have let others know this thread: an interrupt must end no wait.
        while (true)
        {
            if (Uninterrupted.Wait(_begin, MarkHelpers.IdleTime))
            {
                // Only what Start released says that there is work. A marker that is there without it is one that is being prepared.
                Mark(_marker!);
            }
            else if (MarkHelpers.TryRetire(this))
            {
                break;
            }
        }

        Dispose();
    }

    private void Mark(Marker marker)
    {
        try
        {
            marker.Drain();
        }
        catch (Exception failure)
        {
            _failure = failure;
            _queue!.Abandon();
        }

        marker.Release();
        Uninterrupted.Release(_end, 1);
    }
}
