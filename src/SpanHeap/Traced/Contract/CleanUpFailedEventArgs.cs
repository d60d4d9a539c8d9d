namespace SpanHeap.Traced;

/// <summary>Provides the exception that a clean-up threw, for <see cref="TracedHeap.CleanUpFailed"/>.</summary>
public sealed class CleanUpFailedEventArgs : EventArgs
{
    internal CleanUpFailedEventArgs(Exception exception) => Exception = exception;

    /// <summary>Gets the exception that the clean-up threw.</summary>
    public Exception Exception { get; }
}
