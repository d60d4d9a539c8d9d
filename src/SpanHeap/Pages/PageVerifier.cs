namespace SpanHeap.Pages;

/// <summary>Compares what a page heap records about its pages in several places: bitmaps, summaries, the index and the counts.</summary>
internal sealed unsafe class PageVerifier(PageStore store)
{
    private long _free;
    private long _resident;
    private long _all;
    private long _idle;
    private long _refused;
    private long _closed;

    /// <summary>Compares everything, and shows every free run to the caller. No other thread may use the heap at the same time.</summary>
    /// <exception cref="HeapCorruptionException">The records do not agree.</exception>
    public void Verify(Action<nint, int>? onFreeRun)
    {
        for (int i = 0; i < store.Arenas.Count; i++)
        {
            VerifyArena(i, onFreeRun);
        }

        PageCounters counts = store.Counters;
        long pagesOfAllKinds = 0;
        long runsOfAllKinds = 0;
        foreach (ref readonly RunCount kind in counts.ByKind)
        {
            pagesOfAllKinds += kind.Pages;
            runsOfAllKinds += kind.Runs;
        }

        Require(_resident == counts.Free, 0, $"{_resident} free pages are resident, {counts.Free} are counted");
        Require(pagesOfAllKinds == counts.InUse, 0, $"{counts.InUse} pages are in use, and not as many of all kinds");
        Require(runsOfAllKinds == counts.Runs, 0, $"{counts.Runs} runs are in use, and not as many of all kinds");
        Require(_refused == counts.Refused, 0, $"{_refused} pages were refused, {counts.Refused} are counted");
        Require(_free - _resident == counts.GivenBack, 0, $"{_free - _resident} free pages are given back, {counts.GivenBack} are counted");
        Require(_closed == counts.Closed, 0, $"{_closed} pages are closed, {counts.Closed} are counted");
        Require(_idle == counts.IdleArenas, 0, $"{_idle} arenas have no pages in use, {counts.IdleArenas} are counted");
        Require(_all == _free + counts.InUse, 0, $"{_free} pages free and {counts.InUse} in use do not make the {_all} of {store.Arenas.Count} arenas");
    }

    private void VerifyArena(int index, Action<nint, int>? onFreeRun)
    {
        ArenaPages* arena = store.Arenas[index];
        int end = store.Geometry.PagesPerArena;
        int longest = 0;
        int free = 0;
        int resident = 0;
        for (int start = PageBitmap.NextSet(arena->Free, 0, end); start < end;)
        {
            int stop = PageBitmap.NextClear(arena->Free, start, end);
            Require(start >= store.Geometry.HeaderPages, arena->Base, "a page of an arena's header is free");
            longest = Math.Max(longest, stop - start);
            free += stop - start;
            resident += PageBitmap.Count(arena->Resident, start, stop - start);
            onFreeRun?.Invoke(PageMath.AddressOf(arena->Base, start), stop - start);
            start = PageBitmap.NextSet(arena->Free, stop, end);
        }

        Require(arena->AreSummariesTrue(), arena->Base, "a summary is not what the bits say");
        Require(
            longest == arena->LongestRun() && store.Arenas.LongestRun(index) == longest,
            arena->Base,
            $"the longest free run is {longest}, the summaries say {arena->LongestRun()}");
        Require(free == arena->FreePages, arena->Base, $"{free} pages are free, {arena->FreePages} are counted");
        Require(resident == arena->ResidentFreePages, arena->Base, $"{resident} free pages are resident, {arena->ResidentFreePages} are counted");
        _free += free;
        _closed += arena->Closed;
        _idle += arena->HasPagesInUse ? 0 : 1;
        _all += arena->Pages - store.Geometry.HeaderPages;
        _resident += resident;
        _refused += PageBitmap.Count(arena->Refused, 0, end);
    }

    private static void Require(bool holds, nint address, string fact)
    {
        if (!holds)
        {
            throw new HeapCorruptionException($"The page heap is inconsistent at 0x{address:x}: {fact}.", address, null);
        }
    }
}
