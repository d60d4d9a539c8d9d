namespace SpanHeap.Pages;

/// <summary>
/// The page heap's side of giving memory back. A run is held as if it were allocated, discarded by the caller without the lock, and
/// returned: nobody can be handed pages that are just being discarded.
/// </summary>
/// <remarks>
/// Whoever walks over the pages keeps an address and goes on there: each call holds the lock for one arena's bitmaps at most, or for a
/// glance at some arenas without anything to do.
/// </remarks>
internal sealed unsafe partial class PageHeap
{
    /// <summary>Pages that are just being given back: neither free nor in use.</summary>
    public long PagesScavenged => Volatile.Read(ref _pagesScavenged);

    /// <summary>Free pages that the system has refused to take back: they are not idle, and no scavenge for idle pages finds them.</summary>
    public long PagesRefused => Volatile.Read(ref _pagesRefused);

    /// <summary>How many words of bitmaps were looked at in order to find pages to give back.</summary>
    public long WordsScanned => Volatile.Read(ref _wordsScanned);

    // Held at a time: what is being discarded cannot be allocated meanwhile.
    private const int MaxScavengedPages = 256;

    // Looked at while the lock is held once, when there is nothing to do in them.
    private const int ArenasPerStep = 64;

    // Pages in the hands of a scavenger: neither free nor in use. These are guarded by the lock.
    private long _pagesScavenged;
    private long _pagesRefused;
    private long _wordsScanned;

    /// <summary>Notes which pages of some arenas are free and resident now; those that still are at the next scavenge have been idle since.</summary>
    /// <param name="from">Where to go on: 0 at first.</param>
    /// <param name="retry">Whether pages that were refused count again.</param>
    /// <param name="fresh">Set when there are pages that were not noted before: pages that cover no page of the system are never given back.</param>
    /// <returns>Whether there are more arenas.</returns>
    public bool AgeFreePages(ref nint from, bool retry, ref bool fresh)
    {
        ulong found = 0;
        _lock.Enter();
        bool more = NextResident(ref from, out int place);
        if (more)
        {
            ArenaPages* arena = _arenas[_arenas.AtAddressOrder(place)];
            int words = geometry.PagesPerArena / 64;
            if (retry)
            {
                ForgetRefusals(arena);
            }

            for (int word = 0; word < words; word++)
            {
                ulong aged = arena->Free[word] & arena->Resident[word] & ~arena->Refused[word];
                found |= aged & ~arena->Aged[word];
                arena->Aged[word] = aged;
            }

            from = arena->End;
            _wordsScanned += words;
        }

        more |= place < _arenas.Count;
        _lock.Exit();
        fresh |= found != 0;
        return more;
    }

    /// <summary>Looks for the next run of free resident pages, at or after an address, that covers whole pages of the system, and holds it.</summary>
    /// <param name="from">Where to look on: 0 at first. Afterwards, where to go on.</param>
    /// <param name="agedOnly">Only pages that were noted by <see cref="AgeFreePages"/> and not used since.</param>
    /// <param name="run">The run, the caller's alone until <see cref="FinishScavenge"/>; without pages when none was found in this step.</param>
    /// <returns>Whether there may be more.</returns>
    public bool TakeForScavenge(ref nint from, bool agedOnly, out PageRun run)
    {
        run = default;
        _lock.Enter();
        bool more = NextResident(ref from, out int place);
        if (more)
        {
            int index = _arenas.AtAddressOrder(place);
            ArenaPages* arena = _arenas[index];
            int start = from <= arena->Base ? geometry.HeaderPages : (int)((from - arena->Base) >> PageGeometry.PageShift);
            bool found = FindScavengeable(arena, agedOnly, ref start, out int pages);
            run = found ? Hold(index, start, pages) : default;
            from = found ? run.End : arena->End;
        }

        more |= place < _arenas.Count;
        _lock.Exit();
        return more;
    }

    /// <summary>
    /// Holds all pages of the next arena, at or after an address, that is wholly free and whose records were not given back yet, until
    /// <see cref="ReturnUntouched"/>.
    /// </summary>
    /// <returns>Whether there may be more.</returns>
    public bool TakeEmptyArena(ref nint from, out PageRun run)
    {
        run = default;
        _lock.Enter();
        int place = _arenas.PlaceFrom(from);
        for (int looks = 0; place < _arenas.Count && looks < ArenasPerStep && run.Pages == 0; looks++, place++)
        {
            int index = _arenas.AtAddressOrder(place);
            ArenaPages* arena = _arenas[index];
            if (arena->FreePages > 0 && !arena->HasPagesInUse && !arena->Released)
            {
                run = Hold(index, geometry.HeaderPages, arena->FreePages);
                arena->Released = true;
            }

            from = arena->End;
        }

        bool more = place < _arenas.Count;
        _lock.Exit();
        return more;
    }

    /// <summary>Returns a run, or a part of one, that was held for scavenging, with what is now known of it.</summary>
    /// <param name="run">The pages.</param>
    /// <param name="discarded">Whether the system has taken the memory back; if not, it has refused to.</param>
    /// <param name="zero">Whether the pages read as zero now.</param>
    public void FinishScavenge(in PageRun run, bool discarded, bool zero)
    {
        _lock.Enter();
        ArenaPages* arena = Locate(run, out int index, out int start);
        if (discarded)
        {
            _pagesRefused -= PageBitmap.Count(arena->Refused, start, run.Pages);
            PageBitmap.Clear(arena->Refused, start, run.Pages);
            PageBitmap.Clear(arena->Resident, start, run.Pages);
        }
        else
        {
            _pagesRefused += run.Pages - PageBitmap.Count(arena->Refused, start, run.Pages);
            PageBitmap.Set(arena->Refused, start, run.Pages);
        }

        if (discarded && zero)
        {
            PageBitmap.Clear(arena->Dirty, start, run.Pages);
        }

        Release(arena, index, start, run.Pages);
        _lock.Exit();
    }

    /// <summary>Returns a run that was held, about whose memory nothing has changed.</summary>
    public void ReturnUntouched(in PageRun run)
    {
        _lock.Enter();
        ArenaPages* arena = Locate(run, out int index, out int start);
        Release(arena, index, start, run.Pages);
        _lock.Exit();
    }

    private PageRun Hold(int index, int start, int pages)
    {
        ArenaPages* arena = _arenas[index];
        int before = arena->ResidentFreePages;
        _idleArenas -= arena->HasPagesInUse ? 0 : 1;
        int run = arena->Hold(start, pages);
        int resident = before - arena->ResidentFreePages;
        if (run == _arenas.LongestRun(index))
        {
            _arenas.Update(index);
        }

        _pagesFree -= resident;
        _pagesGivenBack -= pages - resident;
        _pagesScavenged += pages;
        return new PageRun(arena->Base + ((nint)start << PageGeometry.PageShift), pages, NeedsZero: true);
    }

    private void Release(ArenaPages* arena, int index, int start, int pages)
    {
        int resident = PageBitmap.Count(arena->Resident, start, pages);
        Put(index, start, pages, resident);
        _pagesFree += resident;
        _pagesGivenBack += pages - resident;
        _pagesScavenged -= pages;
    }

    private ArenaPages* Locate(in PageRun run, out int index, out int start)
    {
        index = _arenas.IndexOf(run.Address);
        ArenaPages* arena = _arenas[index];
        start = (int)((run.Address - arena->Base) >> PageGeometry.PageShift);
        return arena;
    }

    private void ForgetRefusals(ArenaPages* arena)
    {
        _pagesRefused -= PageBitmap.Count(arena->Refused, 0, geometry.PagesPerArena);
        PageBitmap.Clear(arena->Refused, 0, geometry.PagesPerArena);
    }

    // The place of the first arena at or after an address that has free resident pages; false when there is none among the next ones.
    private bool NextResident(ref nint from, out int place)
    {
        place = _arenas.PlaceFrom(from);
        for (int looks = 0; place < _arenas.Count && looks < ArenasPerStep; looks++, place++)
        {
            ArenaPages* arena = _arenas[_arenas.AtAddressOrder(place)];
            if (arena->ResidentFreePages > 0)
            {
                return true;
            }

            from = arena->End;
        }

        return false;
    }

    // The first run of the arena at or after a page, as far as it covers whole pages of the system.
    private bool FindScavengeable(ArenaPages* arena, bool agedOnly, ref int start, out int pages)
    {
        int first = start;
        int end = geometry.PagesPerArena;
        int unit = geometry.PagesPerSystemPage;
        pages = 0;
        while (pages <= 0 && (start = NextScavengeable(arena, start, end, agedOnly)) < end)
        {
            int stop = EndOfScavengeable(arena, start, end, agedOnly);
            int inner = (start + unit - 1) / unit * unit;
            pages = Math.Min((stop / unit * unit) - inner, Math.Max(unit, MaxScavengedPages / unit * unit));
            start = pages > 0 ? inner : stop;
        }

        _wordsScanned += ((Math.Min(start + Math.Max(pages, 0), end) - first) / 64) + 1;
        return pages > 0;
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
