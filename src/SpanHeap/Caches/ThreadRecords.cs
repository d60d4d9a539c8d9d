using System.Runtime.InteropServices;
using SpanHeap.Os;

namespace SpanHeap.Caches;

/// <summary>Gives threads their records: that of its stack, left by a thread that ran on it before, or one that a dead thread left.</summary>
internal static unsafe class ThreadRecords
{
    /// <summary>The calling thread's record; null before it first needs one.</summary>
    /// <remarks>In a class without initialized statics: beside those it would be a managed object for each thread.</remarks>
    [ThreadStatic]
    public static ThreadRecord* Own;

    private static NativeLock s_lock;

    // Records of threads that nobody tells the end of, linked by Next. Guarded by the lock.
    private static ThreadRecord* s_ofThreads;

    /// <summary>A record for the calling thread, which has none; null when there is no memory for one.</summary>
    public static ThreadRecord* TryTake()
    {
        try
        {
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

    // Null where stacks and ends of threads cannot be known.
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

    // The record of a thread that is dead.
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

    // The incarnation first: who asks after the thread before this one must not find it alive again.
    private static void Begin(ThreadRecord* record, nuint byteCount)
    {
        record->Lock.Enter();
        Volatile.Write(ref record->Incarnation, record->Incarnation + 1);
        record->Shared = ThreadCache.None;
        ThreadTable.Clear(record->Table);
        Volatile.Write(ref record->StackBytes, byteCount);
        record->Lock.Exit();
    }
}
