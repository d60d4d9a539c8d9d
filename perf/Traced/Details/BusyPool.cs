namespace SpanHeap.Perf.Traced.Details;

/// <summary>Keeps all threads of the pool waiting until it is disposed: what others queue meanwhile begins after that.</summary>
internal sealed class BusyPool : IDisposable
{
    private readonly ManualResetEventSlim _end = new();
    private readonly CountdownEvent _begun;

    public BusyPool()
    {
        // No fewer can be asked for, and no more may come while these wait.
        int threads = Environment.ProcessorCount;
        ThreadPool.GetMinThreads(out _, out int ports);
        ThreadPool.SetMinThreads(threads, ports);
        ThreadPool.GetMaxThreads(out _, out ports);
        ThreadPool.SetMaxThreads(threads, ports);
        _begun = new CountdownEvent(threads);
        for (int i = 0; i < threads; i++)
        {
            ThreadPool.UnsafeQueueUserWorkItem(
                static pool =>
                {
                    pool._begun.Signal();
                    pool._end.Wait();
                },
                this, preferLocal: false);
        }

        _begun.Wait();
    }

    // The events are left to the collector: the threads may still be on their way out.
    public void Dispose() => _end.Set();
}
