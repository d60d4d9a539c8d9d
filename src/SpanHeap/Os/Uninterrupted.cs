namespace SpanHeap.Os;

/// <summary>
/// Calls of the framework that may wait, made so that <see cref="Thread.Interrupt"/> does not end them: where an operation has begun it
/// must come to its end, and a thread that is to be woken must be woken. The interrupt is kept for the thread's next wait.
/// </summary>
/// <remarks>
/// Not only calls that say so wait: so do those with a lock inside, which are timers, the queue of the thread pool, lazy values and
/// concurrent dictionaries. The interrupt comes before that lock is taken, so nothing is done twice.
/// </remarks>
internal static class Uninterrupted
{
    public static void Wait(SemaphoreSlim semaphore) => Do(semaphore, static semaphore => semaphore.Wait());

    /// <summary>Waits for a time, or longer if it is interrupted.</summary>
    /// <returns>Whether it was released.</returns>
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

    public static void Dispose(IDisposable resource) => Do(resource, static resource => resource.Dispose());

    /// <summary>Has the thread pool call an action. The caller's execution context does not flow.</summary>
    public static void Queue<T>(Action<T> action, T state) =>
        Do((action, state), static item => ThreadPool.UnsafeQueueUserWorkItem(item.action, item.state, preferLocal: false));

    /// <summary>Does a step, again as long as it is interrupted: one that has done nothing then, or may be done twice.</summary>
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
