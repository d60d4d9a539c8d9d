namespace SpanHeap.Os;

/// <summary>Starts the library's own threads, which do not keep a process alive.</summary>
internal static class BackgroundThread
{
    /// <summary>Starts a thread; null when the system provides none.</summary>
    /// <param name="body">What the thread runs.</param>
    /// <param name="name">The name that debuggers show.</param>
    /// <param name="stackBytes">The size of its stack in bytes; 0 for the default.</param>
    public static Thread? TryStart(ThreadStart body, string name, int stackBytes = 0)
    {
        try
        {
            // UnsafeStart, because the thread must not carry the execution context of whichever thread happens to need it.
            Thread thread = new(body, stackBytes) { IsBackground = true, Name = name };
            thread.UnsafeStart();
            return thread;
        }
        catch (Exception refused) when (refused is OutOfMemoryException or ThreadStartException)
        {
            return null;
        }
    }

    /// <summary>Starts a thread even if the calling thread is interrupted, because the operation that needs it has begun.</summary>
    /// <returns>False when the system provides none. If the interrupt arrives after a thread has started, two are started.</returns>
    public static bool TryStartUninterrupted(ThreadStart body, string name, int stackBytes = 0)
    {
        bool started = false;
        Uninterrupted.Do(name, name => started = TryStart(body, name, stackBytes) != null);
        return started;
    }
}
