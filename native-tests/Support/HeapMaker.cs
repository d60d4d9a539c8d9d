namespace SpanHeap.Tests.Support;

/// <summary>Heaps for tests: with no timer unless asked for, so that nothing happens but what the test does.</summary>
internal static class HeapMaker
{
    public static NativeHeap New(
        HeapChecks checks = HeapChecks.Standard, ForeignFree foreign = ForeignFree.Throw, nuint limit = 0, TimeSpan? delay = null) =>
        new(new NativeHeapOptions
        {
            Checks = checks,
            ForeignFree = foreign,
            MemoryLimit = limit,
            ScavengeDelay = delay ?? Timeout.InfiniteTimeSpan,
        });

    /// <summary>The same in which the calling thread has allocated before, so that caches have what they need to keep blocks.</summary>
    public static unsafe NativeHeap NewUsed(HeapChecks checks = HeapChecks.Standard)
    {
        NativeHeap heap = New(checks);
        heap.Free(heap.Alloc(8));
        return heap;
    }

    /// <summary>Runs something on a thread of its own and waits for its end; what it throws is thrown here.</summary>
    public static void OnOtherThread(Action action)
    {
        Exception? error = null;
        Thread thread = new(() =>
        {
            try
            {
                action();
            }
#pragma warning disable CA1031 // Whatever it is, it is thrown again.
            catch (Exception e)
#pragma warning restore CA1031
            {
                error = e;
            }
        });
        thread.Start();
        thread.Join();
        if (error != null)
        {
            throw new InvalidOperationException("The other thread failed.", error);
        }
    }
}
