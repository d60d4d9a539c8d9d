using SpanHeap.Os;

namespace SpanHeap.Tracing;

/// <summary>A thread that helps with marking, and sleeps between collections.</summary>
internal sealed class MarkHelper : IDisposable
{
    private readonly MarkQueue _queue;
    private readonly SemaphoreSlim _begin = new(0);
    private readonly SemaphoreSlim _end = new(0);
    private Thread? _thread;

    // Handed over by the semaphores: the collector's before it begins, the helper's till it ends.
    private Marker? _marker;
    private Exception? _failure;

    private MarkHelper(MarkQueue queue) => _queue = queue;

    /// <summary>A helper that waits for work; null when the system gives no thread.</summary>
    public static MarkHelper? TryStart(MarkQueue queue)
    {
        MarkHelper helper = new(queue);
        helper._thread = BackgroundThread.TryStart(helper.Run, "SpanHeap marker");
        if (helper._thread == null)
        {
            helper._begin.Dispose();
            helper._end.Dispose();
            return null;
        }

        return helper;
    }

    /// <summary>What it will mark with, at the next start.</summary>
    public void Prepare(Marker marker)
    {
        _failure = null;
        _marker = marker;
    }

    public void Start() => Uninterrupted.Release(_begin, 1);

    /// <summary>Waits until it has ended, and adds what it did.</summary>
    /// <returns>Why it gave up, if it did.</returns>
    public Exception? Finish(ref long bytes, ref bool overflowed)
    {
        Uninterrupted.Wait(_end);
        bytes += _marker!.BytesMarked;
        overflowed |= _marker.Overflowed;
        return _failure;
    }

    public void Dispose()
    {
        _marker = null;
        Start();
        Uninterrupted.Join(_thread!);
        _begin.Dispose();
        _end.Dispose();
    }

    private void Run()
    {
        while (true)
        {
            // A trace function may have let others know this thread.
            Uninterrupted.Wait(_begin);
            if (_marker is not { } marker)
            {
                return;
            }

            try
            {
                marker.Drain();
            }
            catch (Exception failure)
            {
                _failure = failure;
                _queue.Abandon();
            }

            marker.Release();
            Uninterrupted.Release(_end, 1);
        }
    }
}
