namespace SpanHeap;

/// <summary>A clean-up that threw.</summary>
public sealed class CleanUpFailedEventArgs : EventArgs
{
    internal CleanUpFailedEventArgs(Exception exception) => Exception = exception;

    /// <summary>What it threw.</summary>
    public Exception Exception { get; }
}
