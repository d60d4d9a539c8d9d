using SpanHeap.Pages;

namespace SpanHeap.Tests.Pages;

/// <summary>What a page heap should do, said as plainly as possible: one flag per page, tried from the lowest of the oldest arena.</summary>
internal sealed class NaivePages
{
    private readonly PageGeometry _geometry;
    private readonly int[] _byAge;
    private readonly bool[] _free;
    private readonly bool[] _dirty;

    public NaivePages(PageGeometry geometry, int[] arenasByAge)
    {
        _geometry = geometry;
        _byAge = arenasByAge;
        _free = new bool[arenasByAge.Length * geometry.PagesPerArena];
        _dirty = new bool[_free.Length];
        for (int page = 0; page < _free.Length; page++)
        {
            _free[page] = page % geometry.PagesPerArena >= geometry.HeaderPages;
        }
    }

    public int InUse { get; private set; }

    /// <summary>The lowest page of the oldest arena that has one where an aligned run of so many free pages begins; -1 when none has.</summary>
    public int FindFirst(int pages, int alignment)
    {
        foreach (int arena in _byAge)
        {
            int run = 0;
            for (int page = arena * _geometry.PagesPerArena; page < (arena + 1) * _geometry.PagesPerArena; page++)
            {
                // A run that is not aligned yet grows until its aligned part is long enough.
                run = _free[page] ? run + 1 : 0;
                int start = page - run + 1;
                int aligned = (start + alignment - 1) / alignment * alignment;
                if (page - aligned + 1 >= pages)
                {
                    return aligned;
                }
            }
        }

        return -1;
    }

    /// <summary>Whether so many pages at <paramref name="from"/> are free and of the arena of <paramref name="owner"/>.</summary>
    public bool IsFree(int owner, int from, int pages)
    {
        for (int page = from; page < from + pages; page++)
        {
            if (page >= _free.Length || !_free[page] || page / _geometry.PagesPerArena != owner / _geometry.PagesPerArena)
            {
                return false;
            }
        }

        return true;
    }

    public bool IsDirty(int start, int pages) => Array.IndexOf(_dirty, true, start, pages) >= 0;

    public void Take(int start, int pages)
    {
        Array.Fill(_free, false, start, pages);
        Array.Fill(_dirty, true, start, pages);
        InUse += pages;
    }

    public void Free(int start, int pages)
    {
        Array.Fill(_free, true, start, pages);
        InUse -= pages;
    }
}
