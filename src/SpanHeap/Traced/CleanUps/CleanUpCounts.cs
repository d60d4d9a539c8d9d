namespace SpanHeap.Traced.CleanUps;

/// <summary>Counts what has become of a heap's clean-ups since it was made. Any thread adds to it and reads it at any time.</summary>
internal sealed class CleanUpCounts
{
    private long _registered;
    private long _run;
    private long _failed;
    private long _cancelled;
    private long _dropped;

    public long Registered => Volatile.Read(ref _registered);

    /// <summary>Clean-ups that have run, to the end or to an exception.</summary>
    public long Run => Volatile.Read(ref _run);

    /// <summary>Clean-ups that threw.</summary>
    public long Failed => Volatile.Read(ref _failed);

    public long Cancelled => Volatile.Read(ref _cancelled);

    /// <summary>Clean-ups that had neither run nor been cancelled when the heap was disposed.</summary>
    public long Dropped => Volatile.Read(ref _dropped);

    public void NoteRegistered() => Interlocked.Increment(ref _registered);

    public void NoteRun() => Interlocked.Increment(ref _run);

    public void NoteFailed() => Interlocked.Increment(ref _failed);

    public void NoteCancelled() => Interlocked.Increment(ref _cancelled);

    public void NoteDropped() => Interlocked.Increment(ref _dropped);
}
