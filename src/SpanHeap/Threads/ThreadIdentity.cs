using SpanHeap.Caches;
using SpanHeap.Os;

namespace SpanHeap.Threads;

/// <summary>Identifies a thread that has a record, so that other threads can ask whether it still lives and whether it waits.</summary>
internal readonly unsafe struct ThreadIdentity
{
    private readonly ThreadRecord* _record;
    private readonly long _incarnation;

    // Null for a thread that is not watched.
    private readonly Thread? _thread;

    // Whether the record ends together with the managed thread. Elsewhere the C library signals the end, which comes later: code that runs after the
    // managed thread has ended, in a library's own destructor, still has the record.
    private readonly bool _endsWithThread;

    private ThreadIdentity(ThreadRecord* record, bool watched)
    {
        _record = record;
        _incarnation = record->Incarnation;
        _endsWithThread = record->ThreadHandle != 0;

        // The first managed object of a thread costs 8 KiB of the garbage-collected heap, and Thread.CurrentThread creates one. For a thread that has
        // created others already it costs nothing.
        _thread = watched || _endsWithThread || GC.GetAllocatedBytesForCurrentThread() > 0 ? Thread.CurrentThread : null;
    }

    /// <summary>The identity of no thread, which is not dead and does not wait.</summary>
    public static ThreadIdentity None => default;

    /// <summary>Whether this identifies a thread that has ended.</summary>
    public bool IsDead => _record != null
        && (HasRecordEnded || (_endsWithThread && _thread is { IsAlive: false }));

    /// <summary>Whether the thread can be asked whether it waits.</summary>
    public bool IsWatched => _thread != null;

    /// <summary>Whether this is the calling thread.</summary>
    public bool IsCurrent => _record == ThreadRecord.Current;

    /// <summary>
    /// Whether the thread is in one of .NET's waits at this moment: in <see cref="Monitor"/>, in <see cref="Thread.Sleep(int)"/>, at an event and the
    /// like. A thread that waits in native code is not recognized.
    /// </summary>
    public bool IsWaiting
    {
        get
        {
            bool waits = _thread != null && (_thread.ThreadState & ThreadState.WaitSleepJoin) != 0;
            InterleavingPoints.AskWhetherAsleep(_thread, ref waits);
            return waits;
        }
    }

    private bool HasRecordEnded => Volatile.Read(ref _record->Incarnation) != _incarnation || Volatile.Read(ref _record->StackBytes) == 0;

    /// <summary>Gets the identity of the calling thread, which has a record.</summary>
    /// <param name="watched">Whether it must be possible to ask whether the thread waits, even at the cost of a managed object.</param>
    public static ThreadIdentity OfCurrent(bool watched = false) => new(ThreadRecord.Current, watched);

    /// <summary>
    /// Removes a cache from the places where its thread finds it, and keeps the thread from changing them. From then on the thread takes slow paths
    /// and waits there for <see cref="Show"/>.
    /// </summary>
    /// <returns>False, with nothing changed, when the thread has ended, does not find this cache, or is changing its places.</returns>
    public bool TryHide(ThreadCache* cache, int heapNumber, ulong heapSerial)
    {
        if (!_record->Lock.TryEnter())
        {
            return false;
        }

        // Under the lock, no other thread can take the record.
        if (HasRecordEnded || !TryReplace(cache, ThreadCache.None, heapNumber, heapSerial))
        {
            _record->Lock.Exit();
            return false;
        }

        // A LocalHeap has the cache itself and checks this field.
        Volatile.Write(ref cache->Owner.HeapSerial, 0);
        InterleavingPoints.NoteLockAwaited(held: true);
        return true;
    }

    /// <summary>Puts a cache back where <see cref="TryHide"/> found it.</summary>
    public void Show(ThreadCache* cache, int heapNumber, ulong heapSerial)
    {
        _record->Lock.AssertHeld();
        Volatile.Write(ref cache->Owner.HeapSerial, heapSerial);
        if (!ThreadTable.TryReplace(_record->Table, heapNumber, heapSerial, ThreadCache.None, cache))
        {
            Volatile.Write(ref *(nint*)&_record->Shared, (nint)cache);
        }

        InterleavingPoints.NoteLockAwaited(held: false);
        _record->Lock.Exit();
    }

    private bool TryReplace(ThreadCache* cache, ThreadCache* by, int heapNumber, ulong heapSerial)
    {
        _record->Lock.AssertHeld();
        if (_record->Shared == cache)
        {
            Volatile.Write(ref *(nint*)&_record->Shared, (nint)by);
            return true;
        }

        return ThreadTable.TryReplace(_record->Table, heapNumber, heapSerial, cache, by);
    }
}
