namespace SpanHeap.Pages;

/// <summary>
/// Finding free pages that have become resident by no call of the heap's: whoever dumps a process, or reads all of its memory, makes the
/// system back what it reads.
/// </summary>
internal sealed unsafe partial class PageHeap
{
    /// <summary>Looks for the next run of free pages, at or after an address, that are not backed by memory as far as the heap knows.</summary>
    /// <param name="from">Where to look on: 0 at first. Afterwards, where to go on.</param>
    /// <param name="maxPages">The length of the run at most.</param>
    /// <param name="run">The run, of which the caller has nothing but its place; without pages when none was found in this step.</param>
    /// <returns>Whether there may be more.</returns>
    public bool FindGivenBack(ref nint from, int maxPages, out PageRun run)
    {
        run = default;
        _lock.Enter();
        int place = _arenas.PlaceFrom(from);
        bool more = place < _arenas.Count;
        if (more)
        {
            ArenaPages* arena = _arenas[_arenas.AtAddressOrder(place)];
            int end = geometry.PagesPerArena;
            int unit = geometry.PagesPerSystemPage;
            int start = from <= arena->Base ? geometry.HeaderPages : (int)((from - arena->Base) >> PageGeometry.PageShift);
            from = arena->End;
            while (run.Pages == 0 && (start = NextGivenBack(arena, start, end)) < end)
            {
                int stop = PageBitmap.NextSet(arena->Resident, start, PageBitmap.NextClear(arena->Free, start, end));
                int inner = (start + unit - 1) / unit * unit;
                int pages = Math.Min((stop / unit * unit) - inner, maxPages / unit * unit);
                if (pages > 0)
                {
                    run = new PageRun(arena->Base + ((nint)inner << PageGeometry.PageShift), pages, NeedsZero: true);
                    from = run.End;
                }

                start = stop;
            }
        }

        _lock.Exit();
        return more;
    }

    /// <summary>Takes note that pages of an arena were found to be backed by memory. Those that are not free by now are let be.</summary>
    public void NoteResident(nint address, int pages)
    {
        _lock.Enter();
        int index = _arenas.IndexOf(address);
        if (index >= 0)
        {
            ArenaPages* arena = _arenas[index];
            int start = (int)((address - arena->Base) >> PageGeometry.PageShift);
            int stop = start + pages;
            for (int page = NextGivenBack(arena, start, stop); page < stop; page = NextGivenBack(arena, page + 1, stop))
            {
                PageBitmap.Set(arena->Resident, page, 1);
                arena->ResidentFreePages++;
                _pagesFree++;
                _pagesGivenBack--;
            }
        }

        _lock.Exit();
    }

    private static int NextGivenBack(ArenaPages* arena, int start, int end)
    {
        while (start < end)
        {
            start = PageBitmap.NextSet(arena->Free, start, end);
            int next = PageBitmap.NextClear(arena->Resident, start, end);
            if (next == start)
            {
                break;
            }

            start = next;
        }

        return start;
    }
}
