namespace SpanHeap.Tests.Interleaving;

/// <summary>Nothing goes to the error stream meanwhile: what a heap says once, the heaps of all schedules would.</summary>
internal static class QuietErrors
{
    public static void While(Action explore)
    {
        TextWriter error = Console.Error;
        Console.SetError(TextWriter.Null);
        try
        {
            explore();
        }
        finally
        {
            Console.SetError(error);
        }
    }
}
