namespace SpanHeap.Traced;

/// <summary>Describes the scope that kept a collection from beginning.</summary>
public sealed class CollectionHeldUpEventArgs : EventArgs
{
    internal CollectionHeldUpEventArgs(int threadNumber, TimeSpan openFor, string? entryStack)
    {
        ThreadNumber = threadNumber;
        OpenFor = openFor;
        EntryStack = entryStack;
    }

    /// <summary>Gets the <see cref="Environment.CurrentManagedThreadId"/> of the thread whose scope it is.</summary>
    public int ThreadNumber { get; }

    /// <summary>Gets how long the scope has been open since it was entered or last yielded. Without full checks, this is a lower bound.</summary>
    public TimeSpan OpenFor { get; }

    /// <summary>Gets the stack trace of where the scope was entered or last yielded, with full checks; null without.</summary>
    public string? EntryStack { get; }
}
