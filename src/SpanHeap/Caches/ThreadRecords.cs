using System.Runtime.InteropServices;
using SpanHeap.Os;

namespace SpanHeap.Caches;

/// <summary>The process's thread records: a thread that needs one takes that of its stack, left by a thread that ran on it before, or makes it.</summary>
internal static unsafe class ThreadRecords
{
    // Of different stacks that ever were. Their records cannot be freed (see ThreadRecord), so there is an end to making them.
    private const int MaxStacks = 1 << 14;

    /// <summary>The calling thread's record; null before it first needs one.</summary>
    /// <remarks>In a class without initialized statics: beside those it would be a managed object for each thread.</remarks>
    [ThreadStatic]
    public static ThreadRecord* Own;

    private static NativeLock s_lock;

    // Guarded by the lock.
    private static ThreadRecord* s_all;
    private static int s_count;

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

        ThreadRecord* record = FindOfStack(low, byteCount, out bool full);
        if (record == null)
        {
            if (full)
            {
                return null;
            }

            record = ThreadRecord.Make(low);
            Add(record);
        }

        if (!PosixThread.TryWatchExit(&record->StackBytes))
        {
            return null;
        }

        Begin(record, byteCount);
        return record;
    }

    private static ThreadRecord* FindOfStack(nuint low, nuint byteCount, out bool full)
    {
        ThreadRecord* found = null;
        s_lock.Enter();
        for (ThreadRecord* record = s_all; record != null; record = record->Next)
        {
            if (record->Low == low)
            {
                found = record;
            }
            else if (record->Overlaps(low, byteCount))
            {
                // These addresses are ours now: whoever had them ended without a sign.
                Volatile.Write(ref record->StackBytes, 0);
            }
        }

        full = s_count >= MaxStacks;
        s_lock.Exit();
        return found;
    }

    private static ThreadRecord* TakeOfThread()
    {
        GCHandle handle = GCHandle.Alloc(Thread.CurrentThread, GCHandleType.Weak);
        ThreadRecord* found = null;
        s_lock.Enter();
        for (ThreadRecord* record = s_all; record != null && found == null; record = record->Next)
        {
            if (record->ThreadHandle != 0 && !LivesByHandle(record->ThreadHandle))
            {
                found = record;
                GCHandle.FromIntPtr(record->ThreadHandle).Free();
                record->ThreadHandle = GCHandle.ToIntPtr(handle);
            }
        }

        s_lock.Exit();
        if (found == null)
        {
            found = ThreadRecord.Make(low: 0);
            found->ThreadHandle = GCHandle.ToIntPtr(handle);
            Add(found);
        }

        Begin(found, byteCount: 1);
        return found;
    }

    private static void Add(ThreadRecord* record)
    {
        s_lock.Enter();
        record->Next = s_all;
        s_all = record;
        s_count++;
        s_lock.Exit();
    }

    // The incarnation first: who asks after the thread before this one must not find it alive again.
    private static void Begin(ThreadRecord* record, nuint byteCount)
    {
        Volatile.Write(ref record->Incarnation, record->Incarnation + 1);
        record->Shared = ThreadCache.None;
        ThreadTable.Clear(record->Table);
        Volatile.Write(ref record->StackBytes, byteCount);
    }

    private static bool LivesByHandle(nint handle) => GCHandle.FromIntPtr(handle).Target is Thread { IsAlive: true };
}
