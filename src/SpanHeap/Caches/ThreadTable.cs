using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace SpanHeap.Caches;

/// <summary>A thread's caches by heap number; the slots follow in memory. Its thread alone reads and writes it.</summary>
/// <remarks>
/// A slot says by serial number whose cache it has: heaps come and go under the same number, and the caches of one that is gone may be
/// anybody's.
/// </remarks>
[StructLayout(LayoutKind.Sequential, Size = 16)]
internal unsafe struct ThreadTable
{
    private const int SlotsToSpare = 8;

    /// <summary>The table without slots, of all records at first. Never written.</summary>
    public static readonly ThreadTable* Empty = (ThreadTable*)NativeMemory.AllocZeroed((nuint)sizeof(ThreadTable));

    public int Length;

    /// <summary>The cache of a heap; <see cref="ThreadCache.None"/> when there is none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ThreadCache* Find(ThreadTable* table, int heapNumber, ulong heapSerial) =>
        heapNumber < table->Length && Slot(table, heapNumber)->HeapSerial == heapSerial ? Slot(table, heapNumber)->Cache : ThreadCache.None;

    /// <summary>Notes the calling thread's cache of a heap; false when there is no memory for that.</summary>
    public static bool TrySet(ref ThreadTable* table, int heapNumber, ulong heapSerial, ThreadCache* cache)
    {
        if (heapNumber >= table->Length && !TryGrow(ref table, heapNumber + 1))
        {
            return false;
        }

        *Slot(table, heapNumber) = new ThreadSlot { HeapSerial = heapSerial, Cache = cache };
        return true;
    }

    /// <summary>Forgets all caches.</summary>
    public static void Clear(ThreadTable* table) => NativeMemory.Clear(Slot(table, 0), SlotBytes(table->Length));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ThreadSlot* Slot(ThreadTable* table, int heapNumber) => (ThreadSlot*)(table + 1) + heapNumber;

    private static nuint SlotBytes(int length) => (nuint)length * (nuint)sizeof(ThreadSlot);

    private static bool TryGrow(ref ThreadTable* table, int length)
    {
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
        NativeMemory.Copy(Slot(table, 0), Slot(made, 0), SlotBytes(table->Length));
        if (table != Empty)
        {
            NativeMemory.Free(table);
        }

        table = made;
        return true;
    }

    private struct ThreadSlot
    {
        public ulong HeapSerial;
        public ThreadCache* Cache;
    }
}
