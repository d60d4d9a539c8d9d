namespace SpanHeap.Os;

/// <summary>
/// Makes framework calls that may wait in such a way that <see cref="Thread.Interrupt"/> does not end them. An operation that has begun must be
/// completed, and a thread that is to be woken must be woken. The interrupt is kept for the thread's next wait.
/// </summary>
/// <remarks>
/// Calls with a lock inside may wait as well: timers, the thread pool's queue, lazy values and concurrent dictionaries. The interrupt arrives before
/// that lock is taken, so nothing is done twice.
/// </remarks>
internal static class Uninterrupted
{
    public static void Wait(SemaphoreSlim semaphore) => Do(semaphore, static semaphore => semaphore.Wait());

    /// <summary>Waits for a time, or longer if the wait is interrupted.</summary>
    /// <returns>Whether the semaphore was released to the caller.</returns>
    public static bool Wait(SemaphoreSlim semaphore, TimeSpan longest)
    {
        bool entered = false;
        Do(semaphore, semaphore => entered = semaphore.Wait(longest));
        return entered;
    }

    public static void Release(SemaphoreSlim semaphore, int count) =>
        Do((semaphore, count), static release => release.semaphore.Release(release.count));

    public static void Set(ManualResetEventSlim opened) => Do(opened, static opened => opened.Set());

    public static void Join(Thread thread) => Do(thread, static thread => thread.Join());

    public static void Sleep(int milliseconds) => Do(milliseconds, Thread.Sleep);

    /// <summary>Queues an action to the thread pool. The caller's execution context does not flow.</summary>
    public static void Queue<T>(Action<T> action, T state) =>
        Do((action, state), static item => ThreadPool.UnsafeQueueUserWorkItem(item.action, item.state, preferLocal: false));

    /// <summary>Runs a step, and repeats it each time it is interrupted. The step must have done nothing by then, or be repeatable.</summary>
    internal static void Do<T>(T on, Action<T> step)
    {
        bool interrupted = false;
        while (true)
        {
            try
            {
                step(on);
                break;
            }
            catch (ThreadInterruptedException)
            {
                interrupted = true;
            }
        }

        if (interrupted)
        {
            Thread.CurrentThread.Interrupt();
        }
    }
}
