namespace SpanHeap.Guarding;

/// <summary>Tells the user what no exception can.</summary>
internal static class GuardWarning
{
    /// <summary>Writes a line to the error stream; one that is broken or closed costs the line, nothing else.</summary>
    public static void Write(string line)
    {
        try
        {
            Console.Error.WriteLine(line);
        }
        catch (ThreadInterruptedException)
        {
            // Meant for who waits next.
            Thread.CurrentThread.Interrupt();
        }
#pragma warning disable CA1031 // A program's own writer may throw anything, and who writes here is in the middle of a free.
        catch (Exception)
#pragma warning restore CA1031
        {
            // Nobody is there to be told.
        }
    }
}
