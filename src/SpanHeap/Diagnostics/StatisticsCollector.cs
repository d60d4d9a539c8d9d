using SpanHeap.Caches;
using SpanHeap.Heap;
using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Diagnostics;

/// <summary>
/// Creates a heap's statistics. Slow paths count everything on the spot: pages and spans by class where they come and go (<see cref="PageHeap"/>),
/// and slots that are not free in the caches that own their spans (<see cref="ClassBin"/>). What caches keep is summed up here. So no span is
/// visited, and the fast paths count nothing.
/// </summary>
internal static unsafe class StatisticsCollector
{
    public static HeapStatistics Collect(HeapCore heap)
    {
        Span<RunCount> runs = stackalloc RunCount[RunCount.Kinds];
        Span<long> taken = stackalloc long[SizeClasses.Capacity];
        Span<long> cached = stackalloc long[SizeClasses.Capacity];
        taken.Clear();
        cached.Clear();
        CacheCount.Sum(heap, taken, cached);
        PageCounts pages = heap.Pages.Count(runs);
        List<SizeClassStatistics> classes = [];
        for (int i = 0; i < SizeClasses.Capacity; i++)
        {
            if (runs[i].Runs != 0)
            {
                classes.Add(OfClass(i, runs[i], taken[i] - heap.Scavenger.SlotsTaken(i), cached[i]));
            }
        }

        return Total(heap, classes, pages, runs[SpanSource.TracedRuns]);
    }

    // While other threads use the heap, a number that was read first may exceed what is there by now. A difference is never reported as negative.
    private static SizeClassStatistics OfClass(int sizeClass, in RunCount runs, long taken, long cached)
    {
        ref readonly SizeClassInfo info = ref SizeClasses.Info((uint)sizeClass);
        bool isOwnSpan = SizeClasses.IsOwnSpan((uint)sizeClass);
        long slots = isOwnSpan ? runs.Runs : runs.Runs * info.Slots;
        taken = isOwnSpan ? slots : Math.Clamp(taken, 0, slots);
        cached = Math.Min(cached, taken);
        long takenBytes = sizeClass == SizeClasses.None ? runs.Pages << PageGeometry.PageShift : taken * info.Size;
        long cachedBytes = cached * info.Size;
        return new SizeClassStatistics(
            sizeClass, info.Size, taken - cached, takenBytes - cachedBytes, cached, cachedBytes, slots - taken, runs.Runs, runs.Pages);
    }

    private static HeapStatistics Total(HeapCore heap, List<SizeClassStatistics> classes, in PageCounts pages, in RunCount traced)
    {
        GuardStatistics guard = heap.Guard?.Statistics ?? default;
        HugeBlockTable.Count(heap.Serial, out nuint hugeBlocks, out nuint hugeBytes);
        HugeBlockTable.CountKept(heap.Serial, out nuint cachedHugeBlocks, out nuint cachedHugeBytes);
        OsMemory os = heap.Os;
        return new HeapStatistics
        {
            Name = heap.Name,
            SizeClasses = classes,
            LiveBlocks = classes.Sum(static c => c.LiveBlocks) + (long)hugeBlocks + guard.LiveBlocks,
            LiveBytes = classes.Sum(static c => c.LiveBytes) + (long)hugeBytes + guard.LiveBytes,
            CachedBlocks = classes.Sum(static c => c.CachedBlocks),
            CachedBytes = classes.Sum(static c => c.CachedBytes),
            HugeBlocks = (long)hugeBlocks,
            HugeBytes = (long)hugeBytes,
            CachedHugeBlocks = (long)cachedHugeBlocks,
            CachedHugeBytes = (long)cachedHugeBytes,
            Spans = pages.Runs,
            PageSize = PageGeometry.PageSize,
            PagesInUse = pages.InUse,
            TracedSpans = traced.Runs,
            TracedPages = traced.Pages,
            Guard = guard,
            PagesFree = pages.Free,
            PagesGivenBack = pages.GivenBack,
            Arenas = pages.Arenas,
            ReservedBytes = (long)heap.Arenas.ReservedBytes,
            MetadataBytes = (long)heap.Limit.MetadataBytes,
            ThreadCaches = heap.Registry.OwnedCount,
            OrphanCaches = heap.Registry.OrphanCount,
            AdoptedCaches = heap.Registry.Adopted,
            Magazines = heap.Magazines.Total,
            MisuseCount = heap.Misuse.Total,
            Owners = heap.Owners.InUse,
            DroppedOwners = heap.Owners.Dropped,
            OsCalls = new OsCallCounts(
                os.TotalCalls,
                os.Calls(OsCall.ReserveArena) + os.Calls(OsCall.MapArena),
                os.Calls(OsCall.ReleaseArena),
                os.Calls(OsCall.AllocateMetadata),
                os.Calls(OsCall.AllocateHuge),
                os.Calls(OsCall.Discard),
                Enum.GetValues<OsCall>().Sum(os.Failures)),
        };
    }
}
