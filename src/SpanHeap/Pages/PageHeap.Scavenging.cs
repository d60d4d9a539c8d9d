namespace SpanHeap.Pages;

/// <summary>
/// The page heap's side of giving memory back. A run is taken as if it were allocated, discarded by the caller without the lock, and
/// returned: nobody can be handed pages that are just being discarded.
/// </summary>
internal sealed unsafe partial class PageHeap
{
    /// <summary>Pages that are just being given back: neither free nor in use.</summary>
    public long PagesScavenged => Volatile.Read(ref _pagesScavenged);

    // Taken at a time: what is being discarded cannot be allocated meanwhile.
    private const int MaxScavengedPages = 256;

    // Pages in the hands of a scavenger: neither free nor in use. Guarded by the lock.
    private long _pagesScavenged;

    /// <summary>Notes which pages are free and resident now; those that still are at the next scavenge have been idle since.</summary>
    /// <returns>Whether there are any that were not noted before: pages that cover no page of the system are never given back.</returns>
    public bool AgeFreePages()
    {
        ulong fresh = 0;
        _lock.Enter();
        int words = geometry.PagesPerArena / 64;
        for (int i = 0; i < _arenas.Count; i++)
        {
            ArenaPages* arena = _arenas[i];
            for (int word = 0; word < words; word++)
            {
                ulong aged = arena->Free[word] & arena->Resident[word];
                fresh |= aged & ~arena->Aged[word];
                arena->Aged[word] = aged;
            }
        }

        _lock.Exit();
        return fresh != 0;
    }

    /// <summary>Takes the next run of free resident pages at or after an address that covers whole pages of the system.</summary>
    /// <param name="from">Where to look on: 0 at first, then the end of the run before.</param>
    /// <param name="agedOnly">Only pages that were noted by <see cref="AgeFreePages"/> and not used since.</param>
    /// <param name="run">The run: the caller's alone until <see cref="FinishScavenge"/>.</param>
    public bool TakeForScavenge(nint from, bool agedOnly, out PageRun run)
    {
        _lock.Enter();
        bool found = FindScavengeable(from, agedOnly, out int index, out int start, out int pages);
        run = found ? Take(index, start, pages) : default;
        _pagesScavenged += run.Pages;
        _lock.Exit();
        return found;
    }

    /// <summary>Takes all pages of an arena at or after an address that is wholly free and was not released yet.</summary>
    public bool TakeEmptyArena(nint from, out PageRun run)
    {
        run = default;
        _lock.Enter();
        bool found = false;
        for (int place = 0; place < _arenas.Count && !found; place++)
        {
            int index = _arenas.AtAddressOrder(place);
            ArenaPages* arena = _arenas[index];
            found = arena->Base >= from && arena->FreePages > 0 && !arena->HasPagesInUse && !arena->Released;
            if (found)
            {
                run = Take(index, geometry.HeaderPages, arena->Pages - geometry.HeaderPages);
                arena->Released = true;
            }
        }

        _pagesScavenged += run.Pages;

        _lock.Exit();
        return found;
    }

    /// <summary>Returns a run taken for scavenging, with what is now known of it.</summary>
    public void FinishScavenge(in PageRun run, bool discarded, bool zero)
    {
        _lock.Enter();
        int index = _arenas.IndexOf(run.Address);
        ArenaPages* arena = _arenas[index];
        int start = (int)((run.Address - arena->Base) >> PageGeometry.PageShift);
        if (discarded)
        {
            PageBitmap.Clear(arena->Resident, start, run.Pages);
            _pagesGivenBack += run.Pages;
        }
        else
        {
            _pagesFree += run.Pages;
        }

        if (discarded && zero)
        {
            PageBitmap.Clear(arena->Dirty, start, run.Pages);
        }

        Put(index, start, run.Pages);
        _pagesScavenged -= run.Pages;
        _lock.Exit();
    }

    private bool FindScavengeable(nint from, bool agedOnly, out int index, out int start, out int pages)
    {
        for (int place = 0; place < _arenas.Count; place++)
        {
            index = _arenas.AtAddressOrder(place);
            ArenaPages* arena = _arenas[index];
            if (from >= arena->End)
            {
                continue;
            }

            int end = geometry.PagesPerArena;
            start = from <= arena->Base ? geometry.HeaderPages : (int)((from - arena->Base) >> PageGeometry.PageShift);
            while ((start = NextScavengeable(arena, start, end, agedOnly)) < end)
            {
                int stop = EndOfScavengeable(arena, start, end, agedOnly);
                int unit = geometry.PagesPerSystemPage;
                int inner = (start + unit - 1) / unit * unit;
                pages = (stop / unit * unit) - inner;
                if (pages > 0)
                {
                    start = inner;
                    pages = Math.Min(pages, Math.Max(unit, MaxScavengedPages / unit * unit));
                    return true;
                }

                start = stop;
            }
        }

        index = start = pages = 0;
        return false;
    }

    // Aged pages are free and resident by invariant, so one bitmap answers for them.
    private static int NextScavengeable(ArenaPages* arena, int start, int end, bool agedOnly)
    {
        if (agedOnly)
        {
            return PageBitmap.NextSet(arena->Aged, start, end);
        }

        while (start < end)
        {
            start = PageBitmap.NextSet(arena->Free, start, end);
            int resident = PageBitmap.NextSet(arena->Resident, start, end);
            if (resident == start)
            {
                break;
            }

            start = resident;
        }

        return start;
    }

    private static int EndOfScavengeable(ArenaPages* arena, int start, int end, bool agedOnly) =>
        agedOnly
            ? PageBitmap.NextClear(arena->Aged, start, end)
            : PageBitmap.NextClear(arena->Resident, start, PageBitmap.NextClear(arena->Free, start, end));
}
