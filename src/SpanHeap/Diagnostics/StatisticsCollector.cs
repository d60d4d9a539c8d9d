using SpanHeap.Caches;
using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Diagnostics;

/// <summary>
/// Makes a heap's statistics by looking at all its spans and caches: nothing is counted while blocks come and go, so that costs nothing.
/// </summary>
internal static unsafe class StatisticsCollector
{
    public static HeapStatistics Collect(HeapCore heap)
    {
        var taken = new long[SizeClasses.Capacity];
        var takenBytes = new long[SizeClasses.Capacity];
        var free = new long[SizeClasses.Capacity];
        var spans = new long[SizeClasses.Capacity];
        var pages = new long[SizeClasses.Capacity];
        var cached = new long[SizeClasses.Capacity];
        SpanWalk walk = new(heap, strict: false);
        while (walk.MoveNext())
        {
            Span* span = walk.Current;
            int sizeClass = span->SizeClass;
            int used = span->Slots - span->FreeSlots;
            taken[sizeClass] += used;
            takenBytes[sizeClass] += used * (long)span->SlotSize;
            free[sizeClass] += span->FreeSlots;
            spans[sizeClass]++;
            pages[sizeClass] += span->Pages;
        }

        ParkedBlocks.Count(heap, cached);
        List<SizeClassStatistics> classes = [];
        for (int i = 0; i < taken.Length; i++)
        {
            if (spans[i] != 0)
            {
                long size = SizeClasses.Info((uint)i).Size;
                long cachedBytes = cached[i] * size;
                classes.Add(new SizeClassStatistics(
                    i, size, taken[i] - cached[i], takenBytes[i] - cachedBytes, cached[i], cachedBytes, free[i], spans[i], pages[i]));
            }
        }

        return Total(heap, classes, walk.TracedSpans, walk.TracedPages, heap.Guard?.Statistics ?? default);
    }

    private static HeapStatistics Total(HeapCore heap, List<SizeClassStatistics> classes, long tracedSpans, long tracedPages, in GuardStatistics guard)
    {
        HugeBlocks.Count(heap.Serial, out nuint hugeBlocks, out nuint hugeBytes);
        HugeBlocks.CountKept(heap.Serial, out nuint cachedHugeBlocks, out nuint cachedHugeBytes);
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
            Spans = heap.Spans.Count,
            PageSize = PageGeometry.PageSize,
            PagesInUse = heap.Pages.PagesInUse,
            TracedSpans = tracedSpans,
            TracedPages = tracedPages,
            Guard = guard,
            PagesFree = heap.Pages.PagesFree,
            PagesGivenBack = heap.Pages.PagesGivenBack,
            Arenas = heap.Pages.ArenaCount,
            ReservedBytes = (long)heap.Arenas.ReservedBytes,
            MetadataBytes = (long)heap.Arenas.MetadataBytes,
            ThreadCaches = heap.Registry.OwnedCount,
            OrphanCaches = heap.Registry.OrphanCount,
            AdoptedCaches = heap.Registry.Adopted,
            Magazines = heap.Magazines.Total,
            MisuseCount = heap.Misuse.Total,
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
