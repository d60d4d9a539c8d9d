namespace SpanHeap;

/// <summary>The scope that kept a collection from beginning.</summary>
public sealed class CollectionHeldUpEventArgs : EventArgs
{
    internal CollectionHeldUpEventArgs(int threadNumber, TimeSpan openFor, string? entryStack)
    {
        ThreadNumber = threadNumber;
        OpenFor = openFor;
        EntryStack = entryStack;
    }

    /// <summary>The thread whose scope it is: its <see cref="Environment.CurrentManagedThreadId"/>.</summary>
    public int ThreadNumber { get; }

    /// <summary>How long the scope has been open since it was entered or last yielded. Without full checks: at least.</summary>
    public TimeSpan OpenFor { get; }

    /// <summary>Where the scope was entered, or yielded last, with full checks; null without.</summary>
    public string? EntryStack { get; }
}
