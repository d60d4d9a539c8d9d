namespace SpanHeap.Os;

/// <summary>Tells the user what no exception can.</summary>
internal static class ErrorStream
{
    /// <summary>Writes a line to the error stream; one that is broken or closed costs the line, nothing else.</summary>
    /// <remarks>Thread safe. An interrupt that comes meanwhile is kept for who waits next.</remarks>
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
#pragma warning disable CA1031 // A program's own writer may throw anything, and who writes here is in the middle of a free, or has just collected.
        catch (Exception)
#pragma warning restore CA1031
        {
            // Nobody is there to be told.
        }
    }
}
