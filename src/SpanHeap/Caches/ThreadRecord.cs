using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SpanHeap.Os;

namespace SpanHeap.Caches;

/// <summary>
/// What a thread has in all heaps: its cache of the shared heap, and a table of its caches of others.
/// </summary>
/// <remarks>
/// <para>
/// A thread finds its record by where it runs. On Linux a thread-static read is a call into the dynamic linker; instead, the address
/// of a local names a place in <see cref="s_byStack"/>, and the record there says which addresses are its thread's stack. Sound because
/// a record is of one stack for ever (<see cref="Low"/> never changes), addresses of a living thread's stack are nobody else's, and the
/// C library itself sets <see cref="StackBytes"/> to zero when the thread ends, before its stack can become another's: then the record
/// is nobody's. (A thread must not be given a piece of a living thread's stack as its own.) Code that runs elsewhere, on a stack that is not its thread's, or on a platform that offers none of this, reads the
/// thread-static.
/// </para>
/// <para>In native memory, never freed. Fields without another word are its thread's alone.</para>
/// </remarks>
[StructLayout(LayoutKind.Explicit, Size = Size)]
internal unsafe struct ThreadRecord
{
    private const int Alignment = 64;
    private const int StackBytesOffset = 16;
    private const int ColdOffset = StackBytesOffset + PosixThread.WatchedBytes;
    private const int Size = 192;

    // Stacks are 8 MiB apart by default, and most programs stay within the first MiB: 512 such threads before two meet in one place.
    private const int StackShift = 20;
    private const int StackPlaces = 4096;

    /// <summary>The record of a thread that has none: no cache anywhere, and no stack. Never written.</summary>
    public static readonly ThreadRecord* None = Make(low: 0);

    // Whether threads are found by their stacks. Compiled ahead, a thread-static read is two instructions, and nothing is won.
    private static readonly bool s_findsByStack = PosixThread.IsSupported && RuntimeFeature.IsDynamicCodeCompiled;

    // [address / 1 MiB % places]. Never null. A thread writes its own record, by release, over one whose thread has ended; threads that
    // meet here compare what no two have in common.
    private static readonly nint* s_byStack = MakePlaces();

    /// <summary>The lowest address of its thread's stack; 0 for a record that no thread is found by. Constant.</summary>
    [FieldOffset(0)]
    public nuint Low;

    /// <summary>
    /// The thread's cache of the shared heap, or <see cref="ThreadCache.None"/>. Read by the thread; written by it, and under the lock by
    /// whoever takes its stacks.
    /// </summary>
    [FieldOffset(8)]
    public ThreadCache* Shared;

    /// <summary>
    /// Bytes of the stack from <see cref="Low"/> on (1 where there is no stack to know); 0 while the record is nobody's. Written by the
    /// thread when it takes the record and by the C library when it ends, which may also write what follows, up to the next field.
    /// Others read it to see whether the thread lives.
    /// </summary>
    [FieldOffset(StackBytesOffset)]
    public nuint StackBytes;

    /// <summary>Caches by heap number; never null. The thread reads it, and changes it under the lock.</summary>
    [FieldOffset(ColdOffset)]
    public ThreadTable* Table;

    /// <summary>Counts the threads that had this record, so that one that ended is not taken for the next. Written by the thread that takes it.</summary>
    [FieldOffset(ColdOffset + 8)]
    public long Incarnation;

    /// <summary>A weak handle of the thread where nobody tells its end; else 0. Guarded by the lock of <see cref="ThreadRecords"/>.</summary>
    [FieldOffset(ColdOffset + 16)]
    public nint ThreadHandle;

    /// <summary>The next of the same list. Guarded likewise.</summary>
    [FieldOffset(ColdOffset + 24)]
    public ThreadRecord* Next;

    /// <summary>
    /// Held to change where the thread finds its caches: for moments by the thread itself, longer by one that takes what lies on its
    /// stacks (<see cref="StackReclaimer"/>). The first in the order of locks; a thread waits for no other record's than its own.
    /// </summary>
    [FieldOffset(ColdOffset + 32)]
    public NativeLock Lock;

    /// <summary>The calling thread's; <see cref="None"/> before it first needed one.</summary>
    public static ThreadRecord* Current
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        [SkipLocalsInit]
        get
        {
            if (!s_findsByStack)
            {
                return ThreadRecords.Own != null ? ThreadRecords.Own : None;
            }

            byte here;
            nuint address = (nuint)(&here);
            ThreadRecord* record = (ThreadRecord*)s_byStack[(address >> StackShift) % StackPlaces];
            return address - record->Low < record->StackBytes ? record : OfThread(address);
        }
    }

    /// <summary>A new record that is nobody's.</summary>
    /// <exception cref="OutOfMemoryException">There is no memory for it.</exception>
    public static ThreadRecord* Make(nuint low)
    {
        ThreadRecord* record = (ThreadRecord*)NativeMemory.AlignedAlloc(Size, Alignment);
        *record = new ThreadRecord { Low = low, Shared = ThreadCache.None, Table = ThreadTable.Empty };
        return record;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static ThreadRecord* OfThread(nuint address)
    {
        ThreadRecord* own = ThreadRecords.Own;

        // The second: code that runs on a thread whose end has been noted, in some library's own destructor. It begins anew.
        if (own == null || own->StackBytes == 0)
        {
            return None;
        }

        nint* place = s_byStack + ((address >> StackShift) % StackPlaces);
        if (address - own->Low < own->StackBytes && ((ThreadRecord*)*place)->StackBytes == 0)
        {
            Volatile.Write(ref *place, (nint)own);
        }

        return own;
    }

    private static nint* MakePlaces()
    {
        nint* places = (nint*)NativeMemory.Alloc(StackPlaces, (nuint)sizeof(nint));
        nint none = (nint)None;
        // Not by a span's Fill: that is vectors, which are compiled when they are first used, for more than a millisecond.
        for (int i = 0; i < StackPlaces; i++)
        {
            places[i] = none;
        }

        return places;
    }
}
