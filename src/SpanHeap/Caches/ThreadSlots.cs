using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace SpanHeap.Caches;

/// <summary>
/// Where a thread finds its caches: the shared heap's in one thread-static pointer, those of other heaps in a table by heap number.
/// </summary>
/// <remarks>
/// Only the thread itself reads and writes its slots. A slot says by serial number whose cache it has: heaps come and go under the
/// same number, and the caches of one that is gone may be anybody's. Nothing here is a managed object: the first that a thread makes
/// costs it 8 KiB of the garbage collected heap, which a short thread would leave behind.
/// </remarks>
internal static unsafe class ThreadSlots
{
    /// <summary>The calling thread's cache of the shared heap; null before its first slow path. The one thread-static read of an Alloc or a Free.</summary>
    [ThreadStatic]
    public static ThreadCache* Shared;

    // By heap number. Null before the thread first uses a heap that is not the shared one.
    [ThreadStatic]
    private static ThreadTable* t_table;

    /// <summary>The calling thread's cache of a heap other than the shared one; null when it has none yet.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ThreadCache* Find(int heapNumber, ulong heapSerial)
    {
        ThreadTable* table = t_table;
        return table != null && heapNumber < table->Length && ThreadTable.Slot(table, heapNumber)->HeapSerial == heapSerial
            ? ThreadTable.Slot(table, heapNumber)->Cache
            : null;
    }

    /// <summary>Notes the calling thread's cache of a heap; false when there is no memory for that.</summary>
    public static bool TrySet(int heapNumber, ulong heapSerial, ThreadCache* cache)
    {
        if (t_table == null || heapNumber >= t_table->Length)
        {
            ThreadTable* larger = ThreadTablePool.TryReplace(t_table, heapNumber + 1);
            if (larger == null)
            {
                return false;
            }

            t_table = larger;
        }

        *ThreadTable.Slot(t_table, heapNumber) = new ThreadSlot { HeapSerial = heapSerial, Cache = cache };
        return true;
    }
}

/// <summary>A thread's cache of one heap.</summary>
internal unsafe struct ThreadSlot
{
    public ulong HeapSerial;
    public ThreadCache* Cache;
}

/// <summary>A thread's slots by heap number; they follow in memory.</summary>
[StructLayout(LayoutKind.Sequential, Size = 16)]
internal unsafe struct ThreadTable
{
    public int Length;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ThreadSlot* Slot(ThreadTable* table, int heapNumber) => (ThreadSlot*)(table + 1) + heapNumber;
}
