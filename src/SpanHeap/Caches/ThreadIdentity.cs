namespace SpanHeap.Caches;

/// <summary>Names a thread that has a record, so that others can ask whether it still lives.</summary>
internal readonly unsafe struct ThreadIdentity
{
    private readonly ThreadRecord* _record;
    private readonly long _incarnation;

    // Where nobody tells the end of a thread. Else null: a thread that only allocates native memory then makes no managed object, and
    // the first of those costs it 8 KiB of the garbage collected heap (Thread.CurrentThread makes one).
    private readonly Thread? _thread;

    private ThreadIdentity(ThreadRecord* record)
    {
        _record = record;
        _incarnation = record->Incarnation;
        _thread = record->ThreadHandle == 0 ? null : Thread.CurrentThread;
    }

    /// <summary>No thread; it is not dead.</summary>
    public static ThreadIdentity None => default;

    /// <summary>Whether it names a thread that has ended.</summary>
    public bool IsDead => _record != null
        && (Volatile.Read(ref _record->Incarnation) != _incarnation || Volatile.Read(ref _record->StackBytes) == 0 || _thread is { IsAlive: false });

    /// <summary>The calling thread, which has a record.</summary>
    public static ThreadIdentity OfCurrent() => new(ThreadRecord.Current);
}
