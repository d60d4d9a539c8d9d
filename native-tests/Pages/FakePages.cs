using SpanHeap.Os;
using SpanHeap.Pages;

namespace SpanHeap.Tests.Pages;

/// <summary>A page heap over addresses where no memory is.</summary>
internal sealed class FakePages : IDisposable
{
    private readonly MetadataAllocator _metadata = new(new OsMemory());

    public FakePages(int pagesPerArena = 512, int headerPages = 5, int pagesPerSystemPage = 1)
    {
        Geometry = new PageGeometry(pagesPerArena, headerPages, pagesPerSystemPage);
        PageStore store = new(Geometry, _metadata);
        Heap = new PageHeap(store);
        Scavenging = new PageScavenging(store);
        Retention = new PageRetention(store, PageRetention.MaxBytes);
    }

    public PageGeometry Geometry { get; }

    public PageHeap Heap { get; }

    public PageScavenging Scavenging { get; }

    public PageRetention Retention { get; }

    /// <summary>Address of a page of an arena.</summary>
    public nint At(int arena, int page) => (((nint)arena + 1) * Geometry.ArenaBytes) + ((nint)page << PageGeometry.PageShift);

    /// <summary>Number of the page at an address, counted from the first arena's first.</summary>
    public int PageOf(nint address) => (int)((address - Geometry.ArenaBytes) >> PageGeometry.PageShift);

    /// <summary>Adds the arena of a number; they may come in any order.</summary>
    public void Add(int arena, bool needsZero = false) => AddShort(arena, Geometry.PagesPerArena, needsZero);

    /// <summary>Adds an arena that has fewer pages than there is room for.</summary>
    public void AddShort(int arena, int pages, bool needsZero = false) => Assert.True(Heap.AddArena(At(arena, 0), pages, needsZero));

    public PageRun Take(int pages, int alignment = 1, int room = 0)
    {
        Assert.True(Heap.TryAllocate(pages, alignment, room, out PageRun run), $"no run of {pages} pages");
        Assert.Equal(pages, run.Pages);
        return run;
    }

    public void Free(in PageRun run) => Heap.Free(run.Address, run.Pages);

    /// <summary>Takes and returns every run a scavenger would discard.</summary>
    public List<PageRun> Scavenge(bool agedOnly, bool discarded = true, bool zero = true)
    {
        List<PageRun> runs = [];
        nint from = 0;
        while (TakeNext(ref from, agedOnly, out PageRun run))
        {
            Scavenging.FinishScavenge(run, discarded, zero);
            runs.Add(run);
        }

        return runs;
    }

    /// <summary>The next run that a scavenger would discard at or after an address, in as many steps as it takes; false when there is none.</summary>
    public bool TakeNext(ref nint from, bool agedOnly, out PageRun run)
    {
        while (Scavenging.TakeForScavenge(ref from, agedOnly, out run) && run.Pages == 0)
        {
        }

        return run.Pages > 0;
    }

    /// <summary>Does a round: idle pages are given back but for those that are worth keeping, and what is free now is noted. Returns how many went.</summary>
    public int Round(int periods = 1)
    {
        Retention.BeginRound(periods);
        int arena = 0;
        long left = Retention.Pages;
        while (Retention.IsActive && Scavenging.KeepFirst(ref arena, ref left, Retention.IsForOld))
        {
        }

        int pages = Scavenge(agedOnly: true).Sum(static run => run.Pages);
        Retention.NoteDiscarded(pages);
        Age();
        return pages;
    }

    /// <summary>Notes which pages are idle; whether there are more than before.</summary>
    public bool Age(bool retry = false)
    {
        nint from = 0;
        bool fresh = false;
        while (Scavenging.AgeFreePages(ref from, retry, Retention.IsForOld, ref fresh))
        {
        }

        return fresh;
    }

    /// <summary>Holds the next arena that is wholly free; false when there is none.</summary>
    public bool TakeEmptyArena(out PageRun run)
    {
        nint from = 0;
        while (Scavenging.TakeEmptyArena(ref from, out run) && run.Pages == 0)
        {
        }

        return run.Pages > 0;
    }

    public void Dispose() => _metadata.Dispose();
}
