namespace SpanHeap.Tracing;

/// <summary>Threads of a heap's own, which keep no process alive.</summary>
internal static class BackgroundThread
{
    /// <summary>Starts one; null when the system gives none.</summary>
    public static Thread? TryStart(ThreadStart body, string name)
    {
        try
        {
            Thread thread = new(body) { IsBackground = true, Name = name };
            thread.UnsafeStart();
            return thread;
        }
        catch (Exception refused) when (refused is OutOfMemoryException or ThreadStartException)
        {
            return null;
        }
    }
}
