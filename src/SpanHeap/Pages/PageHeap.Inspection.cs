namespace SpanHeap.Pages;

/// <summary>Looking into a page heap.</summary>
internal sealed unsafe partial class PageHeap
{
    /// <summary>The arena with a number, from the oldest; false behind the youngest.</summary>
    public bool TryGetArena(int index, out nint arena)
    {
        _lock.Enter();
        bool found = index < _arenas.Count;
        arena = found ? _arenas[index]->Base : 0;
        _lock.Exit();
        return found;
    }

    /// <summary>Compares bitmaps, summaries and counts, and shows every free run to the caller. Nobody may use the heap meanwhile.</summary>
    /// <exception cref="HeapCorruptionException">They do not agree.</exception>
    public void Verify(Action<nint, int>? onFreeRun = null)
    {
        long free = 0;
        long resident = 0;
        long all = 0;
        long idle = 0;
        long refused = 0;
        for (int i = 0; i < _arenas.Count; i++)
        {
            ArenaPages* arena = _arenas[i];
            int end = geometry.PagesPerArena;
            int longest = 0;
            int freeHere = 0;
            int residentHere = 0;
            for (int start = PageBitmap.NextSet(arena->Free, 0, end); start < end;)
            {
                int stop = PageBitmap.NextClear(arena->Free, start, end);
                Require(start >= geometry.HeaderPages, arena->Base, "a page of an arena's header is free");
                longest = Math.Max(longest, stop - start);
                freeHere += stop - start;
                residentHere += PageBitmap.Count(arena->Resident, start, stop - start);
                onFreeRun?.Invoke(arena->Base + ((nint)start << PageGeometry.PageShift), stop - start);
                start = PageBitmap.NextSet(arena->Free, stop, end);
            }

            Require(arena->AreSummariesTrue(), arena->Base, "a summary is not what the bits say");
            Require(longest == arena->LongestRun() && _arenas.LongestRun(i) == longest, arena->Base, $"the longest free run is {longest}, the summaries say {arena->LongestRun()}");
            Require(freeHere == arena->FreePages, arena->Base, $"{freeHere} pages are free, {arena->FreePages} are counted");
            Require(residentHere == arena->ResidentFreePages, arena->Base, $"{residentHere} free pages are resident, {arena->ResidentFreePages} are counted");
            free += freeHere;
            idle += arena->HasPagesInUse ? 0 : 1;
            all += arena->Pages - geometry.HeaderPages;
            resident += residentHere;
            refused += PageBitmap.Count(arena->Refused, 0, end);
        }

        Require(resident == _pagesFree, 0, $"{resident} free pages are resident, {_pagesFree} are counted");
        Require(refused == _pagesRefused, 0, $"{refused} pages were refused, {_pagesRefused} are counted");
        Require(free - resident == _pagesGivenBack, 0, $"{free - resident} free pages are given back, {_pagesGivenBack} are counted");
        Require(idle == _idleArenas, 0, $"{idle} arenas have no pages in use, {_idleArenas} are counted");
        Require(all == free + _pagesInUse, 0, $"{free} pages free and {_pagesInUse} in use do not make the {all} of {_arenas.Count} arenas");
    }

    private static void Require(bool holds, nint address, string fact)
    {
        if (!holds)
        {
            throw new HeapCorruptionException($"The page heap is inconsistent at 0x{address:x}: {fact}.", address, null);
        }
    }
}
