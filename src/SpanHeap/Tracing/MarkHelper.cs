namespace SpanHeap.Tracing;

/// <summary>A thread that helps with marking, and sleeps between collections.</summary>
internal sealed class MarkHelper : IDisposable
{
    private readonly MarkQueue _queue;
    private readonly SemaphoreSlim _begin = new(0);
    private readonly SemaphoreSlim _end = new(0);
    private readonly Thread _thread;

    // Handed over by the semaphores: the collector's before it begins, the helper's till it ends.
    private Marker? _marker;
    private Exception? _failure;

    public MarkHelper(MarkQueue queue)
    {
        _queue = queue;
        _thread = new Thread(Run) { IsBackground = true, Name = "SpanHeap marker" };
        _thread.UnsafeStart();
    }

    public void Start(uint plane)
    {
        _marker = new Marker(_queue, plane, shared: true);
        _begin.Release();
    }

    /// <summary>Waits until it has ended; what it did.</summary>
    public Marker Finish()
    {
        _end.Wait();
        return _failure == null ? _marker! : throw _failure;
    }

    public void Dispose()
    {
        _marker = null;
        _begin.Release();
        _thread.Join();
        _begin.Dispose();
        _end.Dispose();
    }

    private void Run()
    {
        while (true)
        {
            _begin.Wait();
            if (_marker is not { } marker)
            {
                return;
            }

            try
            {
                marker.Drain();
                marker.Release();
            }
            catch (HeapCorruptionException failure)
            {
                _failure = failure;
            }

            _end.Release();
        }
    }
}
