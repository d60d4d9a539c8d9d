using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace SpanHeap.Caches;

/// <summary>
/// Where a thread finds its caches: the shared heap's in one thread-static pointer, those of other heaps in a table by heap number.
/// </summary>
/// <remarks>
/// Only the thread itself reads and writes its slots. A slot says by serial number whose cache it has: heaps come and go under the
/// same number, and the caches of one that is gone may be anybody's.
/// </remarks>
internal static unsafe class ThreadSlots
{
    private const int SlotsToSpare = 8;

    /// <summary>The calling thread's cache of the shared heap; null before its first slow path. The one thread-static read of an Alloc or a Free.</summary>
    [ThreadStatic]
    public static ThreadCache* Shared;

    // By heap number. The first slot is no heap's: its serial is the number of slots.
    [ThreadStatic]
    private static Slot* t_table;

    // Finalized some time after the thread is gone.
    [ThreadStatic]
    private static Holder? t_holder;

    /// <summary>The calling thread's cache of a heap; null when it has none yet.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ThreadCache* Find(int heapNumber, ulong heapSerial)
    {
        Slot* table = t_table;
        return table != null && (uint)heapNumber < table->HeapSerial && table[1 + heapNumber].HeapSerial == heapSerial
            ? table[1 + heapNumber].Cache
            : null;
    }

    /// <summary>Gives the calling thread a cache of a heap; null when there is no memory.</summary>
    public static ThreadCache* TryAttach(CacheRegistry registry, int heapNumber, ulong heapSerial, bool shared)
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
        t_table[1 + heapNumber] = new Slot { HeapSerial = heapSerial, Cache = cache };
        if (shared)
        {
            Shared = cache;
        }

        return cache;
    }

    private static bool EnsureTable(Holder holder, int heapNumber)
    {
        int length = t_table == null ? 0 : (int)t_table->HeapSerial;
        if (heapNumber < length)
        {
            return true;
        }

        int larger = Math.Max(2 * length, heapNumber + SlotsToSpare);
        try
        {
            Slot* table = (Slot*)NativeMemory.AllocZeroed((nuint)(larger + 1), (nuint)sizeof(Slot));
            new Span<Slot>(t_table + 1, length).CopyTo(new Span<Slot>(table + 1, larger));
            table->HeapSerial = (ulong)larger;
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

    private struct Slot
    {
        public ulong HeapSerial;
        public ThreadCache* Cache;
    }

    // Lives as long as the thread: when it is finalized, the thread has run its last instruction.
    private sealed class Holder
    {
        private readonly List<(CacheRegistry Registry, nint Cache, long Incarnation)> _caches = [];

        public Slot* Table;

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
