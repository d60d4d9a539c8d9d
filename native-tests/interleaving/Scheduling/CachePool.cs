using SpanHeap.Caches;
using SpanHeap.Os;
using SpanHeap.Spans;

namespace SpanHeap.Tests.Interleaving.Scheduling;

/// <summary>
/// The caches of the process that belong to no heap. Heaps of earlier schedules have taken from them, and those of schedules that failed never give
/// theirs back; a schedule must not depend on that.
/// </summary>
internal static unsafe class CachePool
{
    /// <summary>How many caches come in one piece of memory.</summary>
    public const int CachesPerSlab = 8;

    private const ulong Serial = 1;

    private static readonly OsMemory s_os = new();

    /// <summary>
    /// Makes the next caches taken one for each place of an outbox, in the order of the places: no heap of a scenario has more, so none adds a slab,
    /// and the destinations of a thread always have the same places.
    /// </summary>
    public static void Arrange()
    {
        nint* byPlace = stackalloc nint[ThreadCache.SmallestOutbox];
        new Span<nint>(byPlace, ThreadCache.SmallestOutbox).Clear();
        List<nint> others = [];
        for (int missing = ThreadCache.SmallestOutbox; missing > 0;)
        {
            nint cache = Take();
            nint* place = byPlace + ((((ThreadCache*)cache)->Owner.Tag >> PageEntry.OwnerShift) % ThreadCache.SmallestOutbox);
            if (*place == 0)
            {
                *place = cache;
                missing--;
            }
            else
            {
                others.Add(cache);
            }
        }

        others.ForEach(Give);
        for (int i = ThreadCache.SmallestOutbox - 1; i >= 0; i--)
        {
            Give(byPlace[i]);
        }
    }

    /// <summary>Takes all caches, to the last of a slab: the next one needs another slab.</summary>
    public static List<nint> TakeAll()
    {
        List<nint> taken = [];
        for (int slabs = ThreadCachePool.Slabs; ThreadCachePool.Slabs == slabs;)
        {
            taken.Add(Take());
        }

        for (int i = 1; i < CachesPerSlab; i++)
        {
            taken.Add(Take());
        }

        return taken;
    }

    public static nint Take()
    {
        ThreadCache* cache = ThreadCachePool.TryTake(s_os, Serial);
        Assert.True(cache != null, "The system has memory, and a thread got no cache.");
        return (nint)cache;
    }

    public static void Give(nint cache) => ThreadCachePool.Give((ThreadCache*)cache, s_os);
}
