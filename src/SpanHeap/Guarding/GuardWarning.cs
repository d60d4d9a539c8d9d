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
        catch (Exception failure) when (failure is IOException or ObjectDisposedException or UnauthorizedAccessException)
        {
            // Nobody is there to be told.
        }
    }
}
