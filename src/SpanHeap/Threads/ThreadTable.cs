using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SpanHeap.Caches;
using SpanHeap.Os;

namespace SpanHeap.Threads;

/// <summary>
/// A thread's caches by heap number; the slots follow in memory. Only its thread reads it, and changes it under the lock of its record.
/// </summary>
/// <remarks>
/// A slot states by serial number whose cache it has. Heaps come and go under the same number, and the caches of a heap that is gone may belong to
/// any heap.
/// </remarks>
[StructLayout(LayoutKind.Sequential, Size = 16)]
internal unsafe struct ThreadTable
{
    private const int SlotsToSpare = 8;

    /// <summary>The table without slots, which all records have at first. Never written.</summary>
    public static readonly ThreadTable* Empty = (ThreadTable*)NativeMemory.AllocZeroed((nuint)sizeof(ThreadTable));

    public int Length;

    /// <summary>Finds the cache of a heap. Returns <see cref="ThreadCache.None"/> when there is none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ThreadCache* Find(ThreadTable* table, int heapNumber, ulong heapSerial) =>
        heapNumber < table->Length && Slot(table, heapNumber)->HeapSerial == heapSerial ? Slot(table, heapNumber)->Cache : ThreadCache.None;

    /// <summary>Stores the calling thread's cache of a heap. Returns false when there is no memory for it.</summary>
    public static bool TrySet(ThreadRecord* record, int heapNumber, ulong heapSerial, ThreadCache* cache)
    {
        if (heapNumber >= record->Table->Length && !TryGrow(record, heapNumber + 1))
        {
            return false;
        }

        Invariant.Assert(record == ThreadRecord.Current, "A thread changes its own table.");
        InterleavingPoints.AwaitFree(InterleavingPoint.StacksAwaited, &record->Lock);
        record->Lock.Enter();
        *Slot(record->Table, heapNumber) = new ThreadSlot { HeapSerial = heapSerial, Cache = cache };
        record->Lock.Exit();
        return true;
    }

    /// <summary>Replaces the cache of a heap if it is the expected one. Called by any thread that holds the lock of the record.</summary>
    public static bool TryReplace(ThreadTable* table, int heapNumber, ulong heapSerial, ThreadCache* expected, ThreadCache* by)
    {
        bool found = heapNumber < table->Length && Slot(table, heapNumber)->HeapSerial == heapSerial && Slot(table, heapNumber)->Cache == expected;
        if (found)
        {
            Volatile.Write(ref *(nint*)&Slot(table, heapNumber)->Cache, (nint)by);
        }

        return found;
    }

    /// <summary>Forgets all caches.</summary>
    public static void Clear(ThreadTable* table) => NativeMemory.Clear(Slot(table, 0), SlotBytes(table->Length));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ThreadSlot* Slot(ThreadTable* table, int heapNumber) => (ThreadSlot*)(table + 1) + heapNumber;

    private static nuint SlotBytes(int length) => (nuint)length * (nuint)sizeof(ThreadSlot);

    // The new table is created without the lock; only the thread itself changes which table is its own.
    private static bool TryGrow(ThreadRecord* record, int length)
    {
        ThreadTable* table = record->Table;
        int larger = Math.Max(2 * table->Length, length + SlotsToSpare);
        ThreadTable* made;
        try
        {
            made = (ThreadTable*)NativeMemory.AllocZeroed((nuint)sizeof(ThreadTable) + SlotBytes(larger));
        }
        catch (OutOfMemoryException)
        {
            return false;
        }

        made->Length = larger;
        InterleavingPoints.AwaitFree(InterleavingPoint.StacksAwaited, &record->Lock);
        record->Lock.Enter();
        NativeMemory.Copy(Slot(table, 0), Slot(made, 0), SlotBytes(table->Length));
        record->Table = made;
        record->Lock.Exit();
        if (table != Empty)
        {
            NativeMemory.Free(table);
        }

        return true;
    }

    private struct ThreadSlot
    {
        public ulong HeapSerial;
        public ThreadCache* Cache;
    }
}
