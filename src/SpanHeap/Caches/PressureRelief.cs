using SpanHeap.Guarding;
using SpanHeap.Spans;

namespace SpanHeap.Caches;

/// <summary>How far a request that was refused has come with what may help. It begins as <see langword="default"/>.</summary>
internal struct Relief
{
    /// <summary>Whether caches have been drained since the request began, or since garbage was collected for it.</summary>
    public bool HasDrained;

    /// <summary>Whether .NET has collected garbage for it.</summary>
    public bool HasCollected;

    /// <summary>How often it was repeated because memory was on its way.</summary>
    public int Waits;

    /// <summary>The arrivals of memory that it knows of.</summary>
    public long Seen;
}

/// <summary>
/// What is done before a request fails: first what lies idle in caches and free pages is taken back; then the request waits for memory
/// that other threads are just moving; last, under a limit, .NET collects garbage, because blocks may belong to objects that nobody
/// refers to any more.
/// </summary>
/// <remarks>Thread safe. Called without a lock. Each request comes through here a bounded number of times.</remarks>
internal sealed unsafe class PressureRelief(ArenaSource arenas, HeapMaintenance maintenance, MemoryTransit transit, HugeBlockCache hugeCache, GuardHeap? guard, bool collects)
{
    private const int MostWaits = 16;

    /// <summary>Does the next thing that may help.</summary>
    /// <param name="relief">How far the request has come.</param>
    /// <param name="cache">The calling thread's cache.</param>
    /// <param name="byteCount">Bytes that it asks for.</param>
    /// <param name="byLimit">Whether the heap's limit has refused it, and not the system.</param>
    /// <returns>False when nothing is left to do: the request fails.</returns>
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
        transit.End(hasMoved: hugeCache.GiveUpAll());
        if (!byLimit)
        {
            // Where the limit refuses, freed guarded blocks are no help, because they count nothing.
            guard?.RetireFor(byteCount);
        }

        maintenance.DrainAll();
        if (!byLimit)
        {
            // Nor are addresses. Last, because draining may have emptied arenas.
            arenas.GiveBackFree();
        }
    }
}
