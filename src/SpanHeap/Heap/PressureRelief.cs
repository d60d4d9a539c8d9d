using SpanHeap.Caches;
using SpanHeap.Guard;
using SpanHeap.Os;
using SpanHeap.Spans;

namespace SpanHeap.Heap;

/// <summary>The progress of a refused request with what may help it. It begins as <see langword="default"/>.</summary>
internal struct Relief
{
    /// <summary>Whether caches have been drained since the request began, or since garbage was collected for it.</summary>
    public bool HasDrained;

    /// <summary>Whether .NET has collected garbage for the request.</summary>
    public bool HasCollected;

    /// <summary>How many times the request was repeated because memory was on its way.</summary>
    public int Waits;

    /// <summary>The arrivals of memory that the request knows of.</summary>
    public long Seen;
}

/// <summary>
/// Does what may help before a request fails. First, what lies idle in caches and free pages is taken back. Then the request waits for memory that
/// other threads are moving. Last, under a limit, .NET collects garbage, because blocks may belong to unreachable objects.
/// </summary>
/// <remarks>Thread safe. Called without a lock. Each request comes through here a bounded number of times.</remarks>
internal sealed unsafe class PressureRelief(OsMemory os, ArenaSource arenas, HeapMaintenance maintenance, MemoryTransit transit, HugeBlockCache hugeCache, GuardedBlocks? guard, bool collects)
{
    private const int MostWaits = 16;

    /// <summary>Does the next thing that may help.</summary>
    /// <param name="relief">The progress of the request.</param>
    /// <param name="cache">The calling thread's cache.</param>
    /// <param name="byteCount">The number of bytes that it requests.</param>
    /// <param name="byLimit">Whether the heap's limit, and not the system, has refused it.</param>
    /// <returns>False when nothing is left to do, so the request fails.</returns>
    public bool TryRelieve(ref Relief relief, ThreadCache* cache, nuint byteCount, bool byLimit)
    {
        if (!relief.HasDrained)
        {
            Drain(byteCount, byLimit);
            relief.HasDrained = true;
            relief.Seen = transit.Arrivals;
            return true;
        }

        if (relief.Waits < MostWaits && transit.HasMoved(ref relief.Seen))
        {
            relief.Waits++;
            transit.AwaitArrival();
            return true;
        }

        if (byLimit && collects && !relief.HasCollected && GarbageRelief.TryCollect(cache))
        {
            // What finalizers have freed lies in the caches of their thread by now.
            relief = new Relief { HasCollected = true };
            return true;
        }

        return false;
    }

    private void Drain(nuint byteCount, bool byLimit)
    {
        transit.Begin();
        transit.End(hasMoved: hugeCache.ReleaseAll());
        if (!byLimit)
        {
            // Where the limit refuses, freed guarded blocks and caches of no heap do not help, because they do not count.
            guard?.RetireFor(byteCount);
            ThreadCachePool.GiveBackAll(os);
        }

        maintenance.DrainAll();
        if (!byLimit)
        {
            // Nor do addresses. This comes last, because draining may have emptied arenas.
            arenas.GiveBackFree();
        }
    }
}
