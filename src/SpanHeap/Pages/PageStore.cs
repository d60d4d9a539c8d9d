using SpanHeap.Os;

namespace SpanHeap.Pages;

/// <summary>
/// The arenas of a page heap, the counts of their pages, and the lock that guards both. <see cref="PageHeap"/> and <see cref="PageScavenging"/> work
/// on it.
/// </summary>
/// <remarks>
/// Every method requires the lock to be held, moves pages from one state to another, and leaves bitmaps, summaries, the index and the counts
/// consistent.
/// </remarks>
internal sealed unsafe class PageStore(PageGeometry geometry, MetadataAllocator metadata)
{
    /// <summary>Guards the arenas and the counts.</summary>
    public NativeLock Lock = new(LockRank.PageHeap);

    public PageGeometry Geometry => geometry;

    public MetadataAllocator Metadata => metadata;

    public ArenaIndex Arenas { get; } = new(metadata);

    public PageCounters Counters { get; } = new();

    /// <summary>Takes free pages of an arena in order to hand them out.</summary>
    public PageRun Take(int index, int start, int pages)
    {
        Lock.AssertHeld();
        ArenaPages* arena = Arenas[index];
        int resident = Remove(index, start, pages, out bool dirty);
        arena->Released = false;
        arena->IdleLooks = 0;
        Counters.Taken += resident;
        Counters.MostTaken = Math.Max(Counters.MostTaken, Counters.Taken);
        Counters.TakenWithoutMemory += pages - resident;
        return new PageRun(PageMath.AddressOf(arena->Base, start), pages, dirty);
    }

    /// <summary>Takes the last pages from an arena. They must be free; what is known of the rest of the arena stays.</summary>
    public void TakeEnd(int index, int pages)
    {
        Lock.AssertHeld();
        ArenaPages* arena = Arenas[index];
        bool idle = !arena->HasPagesInUse;
        int start = arena->Pages - pages;
        Invariant.Assert(start >= geometry.HeaderPages, "The header of an arena stays.");
        if (pages > 0)
        {
            Remove(index, start, pages, out _);
            PageBitmap.Clear(arena->Resident, start, pages);
            PageBitmap.Clear(arena->Dirty, start, pages);
            arena->Pages = start;
            Counters.IdleArenas += idle ? 1 : 0;
        }
    }

    /// <summary>Returns pages that were handed out, all of which count as resident.</summary>
    public void PutBack(nint address, int pages)
    {
        Lock.AssertHeld();
        Locate(address, out int index, out int start);
        Put(index, start, pages, resident: pages);
        Counters.Free += pages;
        Counters.Taken -= pages;
    }

    /// <summary>Holds free pages of an arena in order to give their memory back.</summary>
    public PageRun Hold(int index, int start, int pages)
    {
        Lock.AssertHeld();
        ArenaPages* arena = Arenas[index];
        int before = arena->ResidentFreePages;
        Counters.IdleArenas -= arena->HasPagesInUse ? 0 : 1;
        int run = arena->Hold(start, pages);
        int resident = before - arena->ResidentFreePages;
        NoteShortened(index, run);
        Counters.Free -= resident;
        Counters.GivenBack -= pages - resident;
        Counters.Scavenged += pages;
        Counters.ResidentScavenged += resident;
        return new PageRun(PageMath.AddressOf(arena->Base, start), pages, NeedsZero: true);
    }

    /// <summary>Makes held pages free again.</summary>
    public void Release(int index, int start, int pages)
    {
        Lock.AssertHeld();
        int resident = PageBitmap.Count(Arenas[index]->Resident, start, pages);
        Put(index, start, pages, resident);
        Counters.Free += resident;
        Counters.GivenBack += pages - resident;
        Counters.Scavenged -= pages;
        Invariant.Assert(Counters.Scavenged >= 0, "No more pages are released than were held.");
    }

    /// <summary>Finds the arena that contains an address, which must exist, and the number of its page there.</summary>
    public ArenaPages* Locate(nint address, out int index, out int page)
    {
        Lock.AssertHeld();
        index = Arenas.IndexOf(address);
        ArenaPages* arena = Arenas[index];
        page = PageMath.PageOf(arena->Base, address);
        return arena;
    }

    // Takes free pages out of an arena. Returns the number of pages that were backed by memory.
    private int Remove(int index, int start, int pages, out bool dirty)
    {
        Lock.AssertHeld();
        ArenaPages* arena = Arenas[index];
        Counters.IdleArenas -= arena->HasPagesInUse ? 0 : 1;
        if (Counters.Refused != 0)
        {
            Counters.Refused -= PageBitmap.Count(arena->Refused, start, pages);
        }

        int resident = arena->Take(start, pages, out dirty, out int run);
        NoteShortened(index, run);
        Counters.Free -= resident;
        Counters.GivenBack -= pages - resident;
        return resident;
    }

    // Returns pages to an arena in which they are in use or held.
    private void Put(int index, int start, int pages, int resident)
    {
        Lock.AssertHeld();
        ArenaPages* arena = Arenas[index];
        int run = arena->Put(start, pages, resident, out int first);
        Arenas.NoteRun(index, first, run);
        Counters.IdleArenas += arena->HasPagesInUse ? 0 : 1;
    }

    // Only a run that was the arena's longest makes the index wrong when pages are taken out of it.
    private void NoteShortened(int index, int run)
    {
        Lock.AssertHeld();
        if (run == Arenas.LongestRun(index))
        {
            Arenas.Update(index);
        }
    }
}
