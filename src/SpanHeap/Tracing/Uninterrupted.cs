namespace SpanHeap.Tracing;

/// <summary>
/// Waiting, and waking others, that <see cref="Thread.Interrupt"/> does not end: while a heap is marked nobody may be let into it, and
/// who was to be woken must be, whoever is impatient. The interrupt is kept for the thread's next wait.
/// </summary>
/// <remarks>
/// Waking waits, too, where the primitive has a lock inside and a waiter holds it just then. An interrupt comes before that lock is
/// taken, so nothing is done twice.
/// </remarks>
internal static class Uninterrupted
{
    public static void Wait(SemaphoreSlim semaphore) => Do(semaphore, static semaphore => semaphore.Wait());

    public static void Release(SemaphoreSlim semaphore, int count) =>
        Do((semaphore, count), static release => release.semaphore.Release(release.count));

    public static void Set(ManualResetEventSlim opened) => Do(opened, static opened => opened.Set());

    public static void Join(Thread thread) => Do(thread, static thread => thread.Join());

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
