using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace SpanHeap.Caches;

/// <summary>
/// Where a thread finds its caches: the shared heap's in one thread-static pointer, those of other heaps in a table by heap number.
/// </summary>
/// <remarks>
/// Only the thread itself reads and writes its slots. A cache found in the table is the heap's only if it says so by serial number:
/// heaps come and go under the same number.
/// </remarks>
internal static unsafe class ThreadSlots
{
    /// <summary>The calling thread's cache of the shared heap; null before its first slow path. The one thread-static read of an Alloc or a Free.</summary>
    [ThreadStatic]
    public static ThreadCache* Shared;

    // [0] is the number of entries, then the caches by heap number.
    [ThreadStatic]
    private static nint* t_table;

    // Finalized some time after the thread is gone.
    [ThreadStatic]
    private static Holder? t_holder;

    /// <summary>The calling thread's cache of a heap; null when it has none yet.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ThreadCache* Find(int heapNumber, ulong heapSerial)
    {
        nint* table = t_table;
        if (table != null && heapNumber < (int)*table)
        {
            ThreadCache* cache = (ThreadCache*)table[1 + heapNumber];
            if (cache != null && cache->HeapSerial == heapSerial)
            {
                return cache;
            }
        }

        return null;
    }

    /// <summary>Gives the calling thread a cache of a heap; null when there is no memory.</summary>
    public static ThreadCache* TryAttach(CacheRegistry registry, int heapNumber, bool shared)
    {
        Holder holder = t_holder ??= new Holder();
        if (!EnsureTable(holder, heapNumber))
        {
            return null;
        }

        ThreadCache* cache = registry.TryAttach(Thread.CurrentThread, out long incarnation);
        if (cache == null)
        {
            return null;
        }

        holder.Add(registry, cache, incarnation);
        t_table[1 + heapNumber] = (nint)cache;
        if (shared)
        {
            Shared = cache;
        }

        return cache;
    }

    private static bool EnsureTable(Holder holder, int heapNumber)
    {
        nint length = t_table == null ? 0 : *t_table;
        if (heapNumber < length)
        {
            return true;
        }

        nint larger = Math.Max(2 * length, heapNumber + 8);
        try
        {
            nint* table = (nint*)NativeMemory.AllocZeroed((nuint)(larger + 1) * (nuint)sizeof(nint));
            new Span<nint>(t_table + 1, (int)length).CopyTo(new Span<nint>(table + 1, (int)larger));
            *table = larger;
            NativeMemory.Free(t_table);
            t_table = table;
            holder.Table = table;
            return true;
        }
        catch (OutOfMemoryException)
        {
            return false;
        }
    }

    // Lives as long as the thread: when it is finalized, the thread has run its last instruction.
    private sealed class Holder
    {
        private readonly List<(CacheRegistry Registry, nint Cache, long Incarnation)> _caches = [];

        public nint* Table;

        public void Add(CacheRegistry registry, ThreadCache* cache, long incarnation)
        {
            // Those of heaps that are gone would otherwise gather here.
            _caches.RemoveAll(static held => Volatile.Read(ref ((ThreadCache*)held.Cache)->Ownership) != held.Incarnation);
            _caches.Add((registry, (nint)cache, incarnation));
        }

        ~Holder()
        {
            foreach ((CacheRegistry registry, nint cache, long incarnation) in _caches)
            {
                registry.TryOrphan((ThreadCache*)cache, incarnation);
            }

            NativeMemory.Free(Table);
        }
    }
}
