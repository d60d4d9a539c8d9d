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
    public static void Clear(ThreadTable* table) => new Span<ThreadSlot>(Slot(table, 0), table->Length).Clear();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ThreadSlot* Slot(ThreadTable* table, int heapNumber) => (ThreadSlot*)(table + 1) + heapNumber;

    private static bool TryGrow(ref ThreadTable* table, int length)
    {
        int larger = Math.Max(2 * table->Length, length + SlotsToSpare);
        ThreadTable* made;
        try
        {
            made = (ThreadTable*)NativeMemory.AllocZeroed((nuint)(sizeof(ThreadTable) + (larger * sizeof(ThreadSlot))));
        }
        catch (OutOfMemoryException)
        {
            return false;
        }

        made->Length = larger;
        new Span<ThreadSlot>(Slot(table, 0), table->Length).CopyTo(new Span<ThreadSlot>(Slot(made, 0), larger));
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
