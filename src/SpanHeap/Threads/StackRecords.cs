using System.Runtime.InteropServices;
using SpanHeap.Os;

namespace SpanHeap.Threads;

/// <summary>The records of all stacks that threads ever had, by the address at which a stack begins.</summary>
internal static unsafe class StackRecords
{
    // Records cannot be freed (see ThreadRecord), so their number is bounded. A program whose threads have stacks of one size reaches a few more than
    // it has threads at once.
    private const int MaxStacks = 1 << 14;

    // A stack is as likely to begin in one MiB as in another.
    private const int BucketShift = 20;
    private const int Buckets = 1024;

    // Linked by Next. Guarded by the lock.
    private static readonly nint* s_buckets = (nint*)NativeMemory.AllocZeroed(Buckets, (nuint)sizeof(nint));
    private static NativeLock s_lock;
    private static int s_count;

    /// <summary>
    /// Finds the record of the stack that begins at an address, and creates it if there is none. Returns null when there are too many.
    /// </summary>
    /// <exception cref="OutOfMemoryException">There is no memory for the record.</exception>
    public static ThreadRecord* FindOrMake(nuint low)
    {
        nint* bucket = s_buckets + ((low >> BucketShift) % Buckets);
        s_lock.Enter();
        ThreadRecord* record = (ThreadRecord*)*bucket;
        while (record != null && record->Low != low)
        {
            record = record->Next;
        }

        bool full = s_count == MaxStacks;
        s_lock.Exit();
        if (record != null || full)
        {
            return record;
        }

        // No other thread looks for the stack of the calling thread meanwhile.
        record = ThreadRecord.Make(low);
        s_lock.Enter();
        record->Next = (ThreadRecord*)*bucket;
        *bucket = (nint)record;
        s_count++;
        s_lock.Exit();
        return record;
    }
}
