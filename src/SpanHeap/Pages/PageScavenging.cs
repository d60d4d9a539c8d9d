using SpanHeap.Os;

namespace SpanHeap.Pages;

/// <summary>
/// The part of the page heap that gives memory back. A run is held as if it were allocated, discarded by the caller without the lock, and then
/// returned. So no thread gets pages that are just being discarded.
/// </summary>
/// <remarks>
/// <para>
/// It also finds free pages that have become resident without a call of the heap: a program that dumps a process, or reads all of its memory, makes
/// the system back what it reads.
/// </para>
/// <para>
/// Thread safe by the lock of the <see cref="PageStore"/>. A walk over the pages keeps an address and continues there. Each call holds the lock
/// for the bitmaps of at most one arena, or for a glance at some arenas where there is nothing to do.
/// </para>
/// </remarks>
internal sealed unsafe class PageScavenging(PageStore store)
{
    // The longest run that is held at a time: pages that are being discarded cannot be allocated meanwhile.
    private const int MaxScavengedPages = 256;

    // The number of arenas without anything to do that are visited while the lock is held once.
    private const int ArenasPerStep = 64;

    private readonly ArenaIndex _arenas = store.Arenas;
    private readonly PageCounters _counters = store.Counters;

    public PageGeometry Geometry => store.Geometry;

    /// <summary>Free pages that the system has refused to take back. They are not idle, and no scavenge for idle pages finds them.</summary>
    public long PagesRefused => Volatile.Read(ref _counters.Refused);

    /// <inheritdoc cref="PageCounters.WordsScanned"/>
    public long WordsScanned => Volatile.Read(ref _counters.WordsScanned);

    /// <summary>Notes which pages of some arenas are free and resident now; those that still are at the next scavenge have been idle since.</summary>
    /// <param name="from">Where to go on: 0 at first.</param>
    /// <param name="retry">Whether pages that were refused are noted again.</param>
    /// <param name="isForOld">Whether this was the turn of old pages: what is idle now is old when the next turn comes, unless it is taken before.</param>
    /// <param name="fresh">Set when there are pages that were not noted before. (Pages that cover no whole page of the system are never given back, so they must not count as news each time.)</param>
    /// <returns>Whether there are more arenas.</returns>
    public bool AgeFreePages(ref nint from, bool retry, bool isForOld, ref bool fresh)
    {
        ulong found = 0;
        store.Lock.Enter();
        bool more = NextResident(ref from, out int place);
        if (more)
        {
            ArenaPages* arena = _arenas[_arenas.AtAddressOrder(place)];
            int words = store.Geometry.PagesPerArena / 64;
            if (retry)
            {
                ForgetRefusals(arena);
            }

            for (int word = 0; word < words; word++)
            {
                ulong aged = arena->Free[word] & arena->Resident[word] & ~arena->Refused[word];
                found |= aged & ~arena->Aged[word];
                arena->Aged[word] = aged;
                arena->Old[word] = isForOld ? aged : arena->Old[word];
            }

            from = arena->End;
            _counters.WordsScanned += words;
        }

        more |= place < _arenas.Count;
        store.Lock.Exit();
        fresh |= found != 0;
        return more;
    }

    /// <summary>
    /// Decides which free pages of the next arena stay when idle ones are given back: those that serve first, which are the lowest of the oldest
    /// arenas. When it is the turn of old pages, all others stay.
    /// </summary>
    /// <param name="from">The number of the arena to go on with: 0 at first.</param>
    /// <param name="left">How many pages are to stay; afterwards, how many more.</param>
    /// <param name="isForOld">Whether it is the turn of old pages.</param>
    /// <returns>Whether there are more arenas.</returns>
    public bool KeepFirst(ref int from, ref long left, bool isForOld)
    {
        store.Lock.Enter();
        bool hasRead = false;
        for (int looks = 0; from < _arenas.Count && looks < ArenasPerStep && !hasRead; looks++, from++)
        {
            ArenaPages* arena = _arenas[from];
            arena->KeptEnd = 0;
            hasRead = arena->ResidentFreePages > 0 && (isForOld || left > 0);
            if (!hasRead)
            {
                continue;
            }

            if (isForOld)
            {
                KeepAllButOld(arena);
            }
            else
            {
                arena->KeptEnd = arena->EndOfResident(left, out int found);
                left -= found;
            }
        }

        bool more = from < _arenas.Count;
        store.Lock.Exit();
        return more;
    }

    /// <summary>Looks for the next run of free resident pages, at or after an address, that covers whole pages of the system, and holds it.</summary>
    /// <param name="from">Where to look on: 0 at first. Afterwards, where to go on.</param>
    /// <param name="agedOnly">Only pages that were noted by <see cref="AgeFreePages"/>, not used since, and not chosen to stay by <see cref="KeepFirst"/>.</param>
    /// <param name="run">The run, which is the caller's alone until <see cref="FinishScavenge"/>; without pages when none was found in this step.</param>
    /// <returns>Whether there may be more runs.</returns>
    public bool TakeForScavenge(ref nint from, bool agedOnly, out PageRun run)
    {
        run = default;
        store.Lock.Enter();
        bool more = NextResident(ref from, out int place);
        if (more)
        {
            int index = _arenas.AtAddressOrder(place);
            ArenaPages* arena = _arenas[index];
            int start = from <= arena->Base ? store.Geometry.HeaderPages : PageMath.PageOf(arena->Base, from);
            start = agedOnly ? Math.Max(start, arena->KeptEnd) : start;
            bool found = FindScavengeable(arena, agedOnly, ref start, out int pages);
            Invariant.Assert(!found || PageBitmap.Count(arena->Resident, start, pages) == pages, "What is given back is resident.");
            run = found ? store.Hold(index, start, pages) : default;
            from = found ? run.End : arena->End;
        }

        more |= place < _arenas.Count;
        store.Lock.Exit();
        return more;
    }

    /// <summary>
    /// Holds all pages of the next arena, at or after an address, that is wholly free and whose records were not given back yet. They
    /// belong to the caller until <see cref="ReturnUntouched"/>.
    /// </summary>
    /// <returns>Whether there may be more.</returns>
    public bool TakeEmptyArena(ref nint from, out PageRun run)
    {
        run = default;
        store.Lock.Enter();
        int place = _arenas.PlaceFrom(from);
        for (int looks = 0; place < _arenas.Count && looks < ArenasPerStep && run.Pages == 0; looks++, place++)
        {
            int index = _arenas.AtAddressOrder(place);
            ArenaPages* arena = _arenas[index];
            bool isKept = arena->KeptEnd > 0 && arena->ResidentFreePages > 0;
            if (arena->FreePages > 0 && !arena->HasPagesInUse && !arena->Released && !isKept)
            {
                run = store.Hold(index, store.Geometry.HeaderPages, arena->FreePages);
                arena->Released = true;
            }

            from = arena->End;
        }

        bool more = place < _arenas.Count;
        store.Lock.Exit();
        return more;
    }

    /// <summary>Returns a run, or a part of one, that was held for scavenging, with what is now known of it.</summary>
    /// <param name="run">The pages.</param>
    /// <param name="discarded">Whether the system has taken the memory back; if not, it has refused to.</param>
    /// <param name="zero">Whether the pages read as zero now.</param>
    public void FinishScavenge(in PageRun run, bool discarded, bool zero)
    {
        store.Lock.Enter();
        ArenaPages* arena = store.Locate(run.Address, out int index, out int start);
        _counters.ResidentScavenged -= PageBitmap.Count(arena->Resident, start, run.Pages);
        if (discarded)
        {
            _counters.Refused -= PageBitmap.Count(arena->Refused, start, run.Pages);
            PageBitmap.Clear(arena->Refused, start, run.Pages);
            PageBitmap.Clear(arena->Resident, start, run.Pages);
        }
        else
        {
            _counters.Refused += run.Pages - PageBitmap.Count(arena->Refused, start, run.Pages);
            PageBitmap.Set(arena->Refused, start, run.Pages);
        }

        if (discarded && zero)
        {
            PageBitmap.Clear(arena->Dirty, start, run.Pages);
        }

        store.Release(index, start, run.Pages);
        store.Lock.Exit();
    }

    /// <summary>Returns a run that was held and whose memory has not changed.</summary>
    public void ReturnUntouched(in PageRun run)
    {
        store.Lock.Enter();
        ArenaPages* arena = store.Locate(run.Address, out int index, out int start);
        _counters.ResidentScavenged -= PageBitmap.Count(arena->Resident, start, run.Pages);
        store.Release(index, start, run.Pages);
        store.Lock.Exit();
    }

    /// <summary>Looks for the next run of free pages, at or after an address, that are not backed by memory as far as the heap knows.</summary>
    /// <param name="from">Where to look on: 0 at first. Afterwards, where to go on.</param>
    /// <param name="maxPages">The greatest length of the run.</param>
    /// <param name="run">The run, of which the caller knows the place and owns nothing; without pages when none was found in this step.</param>
    /// <returns>Whether there may be more.</returns>
    public bool FindGivenBack(ref nint from, int maxPages, out PageRun run)
    {
        run = default;
        store.Lock.Enter();
        int place = _arenas.PlaceFrom(from);
        bool more = place < _arenas.Count;
        if (more)
        {
            ArenaPages* arena = _arenas[_arenas.AtAddressOrder(place)];
            int end = store.Geometry.PagesPerArena;
            int unit = store.Geometry.PagesPerSystemPage;
            int start = from <= arena->Base ? store.Geometry.HeaderPages : PageMath.PageOf(arena->Base, from);
            from = arena->End;
            while (run.Pages == 0 && (start = arena->NextFree(start, end, resident: false)) < end)
            {
                int stop = PageBitmap.NextSet(arena->Resident, start, PageBitmap.NextClear(arena->Free, start, end));
                int inner = PageMath.RoundUp(start, unit);
                int pages = Math.Min(PageMath.RoundDown(stop, unit) - inner, PageMath.RoundDown(maxPages, unit));
                if (pages > 0)
                {
                    run = new PageRun(PageMath.AddressOf(arena->Base, inner), pages, NeedsZero: true);
                    from = run.End;
                }

                start = stop;
            }
        }

        store.Lock.Exit();
        return more;
    }

    /// <summary>Notes that pages of an arena were found to be backed by memory. Pages that are not free any more are left alone.</summary>
    public void NoteResident(nint address, int pages)
    {
        store.Lock.Enter();
        int index = _arenas.IndexOf(address);
        if (index >= 0)
        {
            ArenaPages* arena = _arenas[index];
            int start = PageMath.PageOf(arena->Base, address);
            int stop = start + pages;
            for (int page = arena->NextFree(start, stop, resident: false); page < stop; page = arena->NextFree(page + 1, stop, resident: false))
            {
                PageBitmap.Set(arena->Resident, page, 1);
                arena->ResidentFreePages++;
                _counters.Free++;
                _counters.GivenBack--;
            }
        }

        store.Lock.Exit();
    }

    private void KeepAllButOld(ArenaPages* arena)
    {
        int words = store.Geometry.PagesPerArena / 64;
        for (int word = 0; word < words; word++)
        {
            arena->Aged[word] &= arena->Old[word];
        }

        _counters.WordsScanned += words;
    }

    private void ForgetRefusals(ArenaPages* arena)
    {
        _counters.Refused -= PageBitmap.Count(arena->Refused, 0, store.Geometry.PagesPerArena);
        PageBitmap.Clear(arena->Refused, 0, store.Geometry.PagesPerArena);
    }

    // Finds the position of the first arena at or after an address that has free resident pages; false when none of the next few has.
    private bool NextResident(ref nint from, out int place)
    {
        store.Lock.AssertHeld();
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

    // Finds the first run of the arena at or after a page, as far as it covers whole pages of the system.
    private bool FindScavengeable(ArenaPages* arena, bool agedOnly, ref int start, out int pages)
    {
        int first = start;
        int end = store.Geometry.PagesPerArena;
        int unit = store.Geometry.PagesPerSystemPage;
        pages = 0;
        while (pages <= 0 && (start = NextScavengeable(arena, start, end, agedOnly)) < end)
        {
            int stop = EndOfScavengeable(arena, start, end, agedOnly);
            int inner = PageMath.RoundUp(start, unit);
            pages = Math.Min(PageMath.RoundDown(stop, unit) - inner, Math.Max(unit, PageMath.RoundDown(MaxScavengedPages, unit)));
            start = pages > 0 ? inner : stop;
        }

        _counters.WordsScanned += ((Math.Min(start + Math.Max(pages, 0), end) - first) / 64) + 1;
        return pages > 0;
    }

    // Aged pages are free and resident by invariant, so one bitmap answers for them.
    private static int NextScavengeable(ArenaPages* arena, int start, int end, bool agedOnly) =>
        agedOnly ? PageBitmap.NextSet(arena->Aged, start, end) : arena->NextFree(start, end, resident: true);

    private static int EndOfScavengeable(ArenaPages* arena, int start, int end, bool agedOnly) =>
        agedOnly
            ? PageBitmap.NextClear(arena->Aged, start, end)
            : PageBitmap.NextClear(arena->Resident, start, PageBitmap.NextClear(arena->Free, start, end));
}
