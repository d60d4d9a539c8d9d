using SpanHeap.Os;

namespace SpanHeap.Traced.Marking;

/// <summary>
/// A thread that helps with marking, for one collection at a time, or that runs a whole concurrent collection; between collections it waits in
/// <see cref="MarkHelpers"/>.
/// </summary>
internal sealed class MarkHelper : IDisposable
{
    private readonly SemaphoreSlim _begin = new(0);
    private readonly SemaphoreSlim _end = new(0);
    private Thread? _thread;

    // Handed over by the semaphores: they belong to the collector before the helper begins, and to the helper until it ends.
    private MarkQueue? _queue;
    private Marker? _marker;
    private Exception? _failure;
    private Action? _alone;

    private MarkHelper()
    {
    }

    /// <summary>The next helper that waits. Guarded by the lock of <see cref="MarkHelpers"/>.</summary>
    public MarkHelper? NextIdle { get; set; }

    /// <summary>Whether the thread has ended.</summary>
    public bool HasEnded => !_thread!.IsAlive;

    /// <summary>Starts a helper, which waits for work and belongs to the caller; null if the system gives no thread.</summary>
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

    /// <summary>Sets what it will mark with when it is started next.</summary>
    public void Prepare(MarkQueue queue, Marker marker)
    {
        _failure = null;
        _queue = queue;
        _marker = marker;
    }

    public void Start() => Uninterrupted.Release(_begin, 1);

    /// <summary>Starts it with work that throws nothing and that nobody waits for: it returns to <see cref="MarkHelpers"/> by itself.</summary>
    public void StartAlone(Action work)
    {
        _alone = work;
        Start();
    }

    /// <summary>Waits until it has finished, and adds what it did. After that it no longer refers to the heap.</summary>
    /// <returns>The reason why it gave up, or null.</returns>
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

    /// <summary>Called by the thread when it ends, and no other has it any more.</summary>
    public void Dispose()
    {
        _begin.Dispose();
        _end.Dispose();
    }

    private void Run()
    {
        // A trace function may have made this thread known to others: an interrupt must not end a wait.
        while (true)
        {
            if (Uninterrupted.Wait(_begin, MarkHelpers.IdleTime))
            {
                // Only a release by Start means that there is work. A marker without it is only being prepared.
                Work();
            }
            else if (MarkHelpers.TryRetire(this))
            {
                break;
            }
        }

        Dispose();
    }

    private void Work()
    {
        if (_alone is { } work)
        {
            _alone = null;
            work();
            MarkHelpers.Give(this);
        }
        else
        {
            Mark(_marker!);
        }
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
