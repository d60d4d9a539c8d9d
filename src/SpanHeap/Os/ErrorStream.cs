namespace SpanHeap.Os;

/// <summary>Reports to the user what no exception can.</summary>
internal static class ErrorStream
{
    /// <summary>Writes a line to the error stream. If the stream is broken or closed, only the line is lost.</summary>
    /// <remarks>Thread safe. An interrupt that arrives meanwhile is kept for the thread's next wait.</remarks>
    public static void WriteLine(string line)
    {
        try
        {
            Console.Error.WriteLine(line);
        }
        catch (ThreadInterruptedException)
        {
            Thread.CurrentThread.Interrupt();
        }
#pragma warning disable CA1031 // A program's own writer may throw anything, and the caller is in the middle of a free or has just collected.
        catch (Exception)
#pragma warning restore CA1031
        {
            // There is no one to tell.
        }
    }
}
