using System.Runtime.InteropServices;
using SpanHeap.Caches;
using SpanHeap.Os;

namespace SpanHeap.Threads;

/// <summary>Gives threads their records: that of the thread's stack, left by a thread that ran on it before, or one left by a dead thread.</summary>
internal static unsafe class ThreadRecords
{
    /// <summary>The calling thread's record; null until it first needs one.</summary>
    /// <remarks>In a class without initialized statics: beside those, the thread-static would cost a managed object for each thread.</remarks>
    [ThreadStatic]
    public static ThreadRecord* Own;

    private static NativeLock s_lock;

    // The records of threads whose end nothing signals, linked by Next. Guarded by the lock.
    private static ThreadRecord* s_ofThreads;

    /// <summary>Takes a record for the calling thread, which has none. Returns null when there is no memory for one.</summary>
    public static ThreadRecord* TryTake()
    {
        try
        {
            // Also a thread whose end has been noted, which allocates in a destructor: the C library calls destructors again, and notes the end again.
            // The managed thread that the runtime makes for such a call never ends, so that a record of its kind would be lost.
            ThreadRecord* record = TryTakeOfStack();
            record = record != null ? record : TakeOfThread();
            Own = record;
            return record;
        }
        catch (OutOfMemoryException)
        {
            return null;
        }
    }

    // Null where stacks and the ends of threads cannot be known.
    private static ThreadRecord* TryTakeOfStack()
    {
        if (!PosixThread.IsSupported || !PosixThread.TryGetStack(out nuint low, out nuint byteCount))
        {
            return null;
        }

        ThreadRecord* record = StackRecords.FindOrMake(low);
        if (record == null || !PosixThread.TryWatchExit(&record->StackBytes))
        {
            return null;
        }

        Begin(record, byteCount);
        byte here;
        StackPlaces.Put((nuint)(&here), record);
        return record;
    }

    private static ThreadRecord* TakeOfThread()
    {
        Thread current = Thread.CurrentThread;
        ThreadRecord* record = TryInherit(current);
        if (record == null)
        {
            record = ThreadRecord.Make(low: 0);
            record->ThreadHandle = GCHandle.ToIntPtr(GCHandle.Alloc(current, GCHandleType.Weak));
            s_lock.Enter();
            record->Next = s_ofThreads;
            s_ofThreads = record;
            s_lock.Exit();
        }

        Begin(record, byteCount: 1);
        return record;
    }

    // Takes over the record of a dead thread.
    private static ThreadRecord* TryInherit(Thread heir)
    {
        s_lock.Enter();
        ThreadRecord* record = s_ofThreads;
        while (record != null && Of(record).Target is Thread { IsAlive: true })
        {
            record = record->Next;
        }

        if (record != null)
        {
            GCHandle handle = Of(record);
            handle.Target = heir;
        }

        s_lock.Exit();
        return record;

        static GCHandle Of(ThreadRecord* record) => GCHandle.FromIntPtr(record->ThreadHandle);
    }

    // The incarnation first: a thread that asks about the record's previous thread must not find it alive again.
    private static void Begin(ThreadRecord* record, nuint byteCount)
    {
        InterleavingPoints.AwaitFree(InterleavingPoint.StacksAwaited, &record->Lock);
        record->Lock.Enter();
        Volatile.Write(ref record->Incarnation, record->Incarnation + 1);
        record->Shared = ThreadCache.None;
        ThreadTable.Clear(record->Table);
        Volatile.Write(ref record->StackBytes, byteCount);
        record->Lock.Exit();
    }
}
