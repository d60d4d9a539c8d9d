namespace SpanHeap.Tracing;

/// <summary>
/// Waiting that <see cref="Thread.Interrupt"/> does not end: while a heap is marked nobody may be let into it, whoever is impatient. The
/// interrupt is kept for the thread's next wait.
/// </summary>
internal static class Uninterrupted
{
    public static void Wait(SemaphoreSlim semaphore)
    {
        bool interrupted = false;
        while (true)
        {
            try
            {
                semaphore.Wait();
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
