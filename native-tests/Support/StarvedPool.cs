namespace SpanHeap.Tests.Support;

/// <summary>A thread pool that has as many threads as it may, which all wait. For a process of the test's own.</summary>
internal static class StarvedPool
{
    /// <summary>Lets all threads of the pool wait for an event.</summary>
    public static void Begin(ManualResetEventSlim end)
    {
        int threads = Environment.ProcessorCount;
        ThreadPool.SetMaxThreads(threads, threads);
        int waiting = 0;
        for (int i = 0; i < threads; i++)
        {
            ThreadPool.QueueUserWorkItem(_ =>
            {
                Interlocked.Increment(ref waiting);
                end.Wait();
            });
        }

        SpinWait.SpinUntil(() => Volatile.Read(ref waiting) == threads);
    }
}
