using System.Numerics;
using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Tests.Diagnostics;

/// <summary>A heap's figures, counted page by page and bit by bit from its arenas' headers, by none of the library's own walks.</summary>
internal sealed unsafe class SlowStatistics
{
    private readonly NativeHeap _heap;

    public SlowStatistics(NativeHeap heap)
    {
        _heap = heap;
        for (int i = 0; heap.Core.Pages.TryGetArena(i, out nint arena); i++)
        {
            // One that fell empty keeps its header alone: it has no pages, and is none of the heap's arenas until it is extended.
            nint pages = arena + ((nint)heap.Core.Pages.Geometry.HeaderPages << PageGeometry.PageShift);
            Arenas += ArenaHeader.Descriptor(arena)->End > pages ? 1 : 0;
            CountArena(arena);
        }
    }

    public long Arenas { get; private set; }

    public long Spans { get; private set; }

    public long PagesInUse { get; private set; }

    /// <summary>[class]: spans, pages, slots taken, bytes of those, slots available.</summary>
    public Dictionary<int, (long Spans, long Pages, long Taken, long TakenBytes, long Free)> Classes { get; } = [];

    public void AssertEqual(HeapStatistics fast)
    {
        Assert.Equal(
            (Arenas, Spans, PagesInUse),
            (fast.Arenas, fast.Spans, fast.PagesInUse));
        Assert.Equal(Classes.Keys.Order(), fast.SizeClasses.Select(static c => c.SizeClass).Order());
        foreach (SizeClassStatistics c in fast.SizeClasses)
        {
            Assert.Equal(Classes[c.SizeClass], (c.Spans, c.Pages, c.LiveBlocks + c.CachedBlocks, c.LiveBytes + c.CachedBytes, c.FreeSlots));
            Assert.Equal(SizeClasses.Info((uint)c.SizeClass).Size, c.BlockSize);
        }
    }

    private void CountArena(nint arena)
    {
        PageGeometry geometry = _heap.Core.Pages.Geometry;
        for (int page = geometry.HeaderPages; page < geometry.PagesPerArena; page++)
        {
            nint address = arena + ((nint)page << PageGeometry.PageShift);
            uint entry = *ArenaHeader.EntryOf(address);
            if (entry == PageEntry.Unused)
            {
                continue;
            }

            PagesInUse++;
            Span* span = ArenaHeader.SpanAt(address - ((nint)PageEntry.PagesFromFirst(entry) << PageGeometry.PageShift));
            (long spans, long pages, long taken, long bytes, long free) = Classes.GetValueOrDefault(span->SizeClass);
            if (PageEntry.PagesFromFirst(entry) == 0)
            {
                Spans++;
                int used = CountSet(span);
                spans++;
                taken += used;
                bytes += used * (long)span->SlotSize;
                free += span->Slots - used;
            }

            Classes[span->SizeClass] = (spans, pages + 1, taken, bytes, free);
        }
    }

    private static int CountSet(Span* span)
    {
        int set = 0;
        for (int slot = 0; slot < span->Slots; slot++)
        {
            set += BitOperations.PopCount(ArenaHeader.AllocBits(span)[slot / 64] & (1UL << (slot % 64)));
        }

        return set;
    }
}
