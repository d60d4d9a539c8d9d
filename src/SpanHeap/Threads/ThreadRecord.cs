using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SpanHeap.Caches;
using SpanHeap.Os;

namespace SpanHeap.Threads;

/// <summary>What a thread has in all heaps: its cache of the shared heap, and a table of its caches of other heaps.</summary>
/// <remarks>
/// <para>
/// A thread finds its record by the address at which it runs. On Linux a thread-static read is a call into the dynamic linker. Instead, the address
/// of a local determines a place in <see cref="StackPlaces"/>, and the record there says which addresses are its thread's stack. This is sound for
/// three reasons. A record belongs to one stack forever (<see cref="Low"/> never changes). The stack addresses of a living thread belong to no other
/// thread. And the C library itself sets <see cref="StackBytes"/> to zero when the thread ends, before its stack can become another thread's; from
/// then on no thread has the record. (A thread must not be given a piece of a living thread's stack as its own.) Code that runs on a stack that is
/// not its thread's, or on a platform that offers none of this, reads the thread-static instead.
/// </para>
/// <para>Records lie in native memory and are never freed. Fields without a further remark are used by their thread only.</para>
/// </remarks>
[StructLayout(LayoutKind.Explicit, Size = Size)]
internal unsafe struct ThreadRecord
{
    private const int Alignment = 64;
    private const int StackBytesOffset = 16;
    private const int ColdOffset = StackBytesOffset + PosixThread.WatchedBytes;
    private const int Size = 192;

    /// <summary>The record of a thread that has none: it has no cache anywhere, and no stack. Never written.</summary>
    public static readonly ThreadRecord* None = Make(low: 0);

    /// <summary>The lowest address of the thread's stack; 0 for a record by which no thread is found. Constant.</summary>
    [FieldOffset(0)]
    public nuint Low;

    /// <summary>
    /// The thread's cache of the shared heap, or <see cref="ThreadCache.None"/>. Read by the thread. Written by the thread and, under the lock, by a
    /// thread that takes the blocks on its stacks.
    /// </summary>
    [FieldOffset(8)]
    public ThreadCache* Shared;

    /// <summary>
    /// The bytes of the stack from <see cref="Low"/> on (1 where no stack is known); 0 while no thread has the record. Written by the thread when it
    /// takes the record, and by the C library when the thread ends, which may also write what follows, up to the next field. Other threads read it to
    /// see whether the thread lives.
    /// </summary>
    [FieldOffset(StackBytesOffset)]
    public nuint StackBytes;

    /// <summary>The caches by heap number; never null. The thread reads it, and changes it under the lock.</summary>
    [FieldOffset(ColdOffset)]
    public ThreadTable* Table;

    /// <summary>
    /// Counts the threads that had this record, so that a thread that ended is not taken for the next. Written by the thread that takes the record.
    /// </summary>
    [FieldOffset(ColdOffset + 8)]
    public long Incarnation;

    /// <summary>
    /// A weak handle of the thread where the C library does not signal its end; otherwise 0. Guarded by the lock of <see cref="ThreadRecords"/>.
    /// </summary>
    [FieldOffset(ColdOffset + 16)]
    public nint ThreadHandle;

    /// <summary>The next record in the same list. Guarded by the same lock.</summary>
    [FieldOffset(ColdOffset + 24)]
    public ThreadRecord* Next;

    /// <summary>
    /// Held to change where the thread finds its caches: briefly by the thread itself, longer by a thread that takes the blocks on its stacks. The
    /// first in the lock order; a thread waits for no other record's lock than its own.
    /// </summary>
    [FieldOffset(ColdOffset + 32)]
    public NativeLock Lock;

    /// <summary>The calling thread's record; <see cref="None"/> until it first needs one.</summary>
    public static ThreadRecord* Current
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        [SkipLocalsInit]
        get
        {
            if (!StackPlaces.AreUsed)
            {
                return OfThreadStatic;
            }

            byte here;
            nuint address = (nuint)(&here);
            return StackPlaces.TryFind(address, out ThreadRecord* record) ? record : OfThread(address);
        }
    }

    /// <summary>
    /// Gets the calling thread's cache of the shared heap if its record is where threads are looked for first. Otherwise there is none, or it is
    /// <see cref="ThreadCache.None"/>, and a slow path looks further. So a fast path has no call in the middle, around which it would have to save
    /// registers.
    /// </summary>
    /// <remarks>
    /// Code compiled ahead of time goes to the slow path by a branch, which saves it a jump. Code compiled as it runs takes a cache that has nothing: the
    /// same instructions in another order, and a pair of 16 bytes in 0.96 of the time. Where a thread does not find its record by its stack, code compiled
    /// ahead reads the thread-static, which is a few loads. Under the JIT it is a call, and the slow path's.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    [SkipLocalsInit]
    public static bool TryGlanceAtShared(out ThreadCache* cache)
    {
        if (StackPlaces.AreUsed)
        {
            byte here;
            if (StackPlaces.TryFind((nuint)(&here), out ThreadRecord* record))
            {
                cache = record->Shared;
                return true;
            }

            if (RuntimeFeature.IsDynamicCodeCompiled)
            {
                cache = ThreadCache.None;
                return true;
            }
        }

        ThreadRecord* own = ThreadRecords.Own;
        if (own != null && own->StackBytes != 0)
        {
            cache = own->Shared;
            return true;
        }

        cache = null;
        return false;
    }

    /// <summary>Finds the calling thread's cache of the shared heap; <see cref="ThreadCache.None"/> if it has none.</summary>
    /// <param name="wasGlancedAt">
    /// Whether <see cref="TryGlanceAtShared"/> finds it too, as almost always. Then a fast path has just tried this cache in vain, and nothing would be
    /// gained by trying it again. It may be true by mistake where another thread has its record in the place of the fast path's frame, but not in that
    /// of this frame; the next slow path tries the cache in any case.
    /// </param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    [SkipLocalsInit]
    public static ThreadCache* FindShared(out bool wasGlancedAt)
    {
        wasGlancedAt = true;
        if (!StackPlaces.AreUsed)
        {
            return OfThreadStatic->Shared;
        }

        byte here;
        nuint address = (nuint)(&here);
        if (StackPlaces.TryFind(address, out ThreadRecord* record))
        {
            return record->Shared;
        }

        // Code compiled ahead has looked at the thread-static.
        wasGlancedAt = !RuntimeFeature.IsDynamicCodeCompiled;
        return OfThread(address)->Shared;
    }

    /// <summary>
    /// Finds the calling thread's cache of a heap. Returns <see cref="ThreadCache.None"/> when it has none yet or the cache is hidden.
    /// </summary>
    /// <param name="isShared">Whether this is the process's shared heap.</param>
    /// <param name="heapNumber">The heap's number.</param>
    /// <param name="heapSerial">The heap's serial number.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ThreadCache* FindCache(bool isShared, int heapNumber, ulong heapSerial)
    {
        ThreadRecord* record = Current;
        return isShared ? record->Shared : ThreadTable.Find(record->Table, heapNumber, heapSerial);
    }

    // A thread whose end has been noted may still run code, in some library's own destructor. It has no record then.
    private static ThreadRecord* OfThreadStatic
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get
        {
            ThreadRecord* own = ThreadRecords.Own;
            return own != null && own->StackBytes != 0 ? own : None;
        }
    }

    /// <summary>Creates a record that no thread has.</summary>
    /// <exception cref="OutOfMemoryException">There is no memory for the record.</exception>
    public static ThreadRecord* Make(nuint low)
    {
        ThreadRecord* record = (ThreadRecord*)NativeMemory.AlignedAlloc(Size, Alignment);
        *record = new ThreadRecord { Low = low, Lock = new NativeLock(LockRank.ThreadRecord), Shared = ThreadCache.None, Table = ThreadTable.Empty };
        return record;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static ThreadRecord* OfThread(nuint address)
    {
        ThreadRecord* own = OfThreadStatic;
        if (own == None)
        {
            return None;
        }

        StackPlaces.Put(address, own);
        return own;
    }
}
