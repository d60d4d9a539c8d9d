using SpanHeap.Os;

namespace SpanHeap.Pages;

/// <summary>
/// What the page heap knows of one arena: four bits per page and a summary per 512 pages. Lies apart from the arena, so that a page
/// heap works on addresses alone.
/// </summary>
/// <remarks>All of it is guarded by the page heap's lock.</remarks>
internal unsafe struct ArenaPages
{
    private const int Words = PageGeometry.MaxPagesPerArena / 64;
    private const int MaxChunks = PageGeometry.MaxPagesPerArena / RunSummary.PagesPerChunk;
    private const int BitmapBytes = Words * sizeof(ulong);

    public nint Base;

    /// <summary>Pages in the arena that are free, whether backed by memory or not.</summary>
    public int FreePages;

    /// <summary>Whether all of the arena was discarded, its metadata too, since it was last used.</summary>
    public bool Released;

    private readonly PageGeometry _geometry;
    private fixed ulong _summaries[MaxChunks];
    private fixed byte _bitmaps[4 * BitmapBytes];

    private ArenaPages(nint address, PageGeometry geometry)
    {
        Base = address;
        _geometry = geometry;
    }

    /// <summary>1: the page may be handed out.</summary>
    public ulong* Free => Bitmap(0);

    /// <summary>1: the page may be backed by memory. 0: it was never touched, or was given back.</summary>
    public ulong* Resident => Bitmap(1);

    /// <summary>1: the page may hold something other than zeros.</summary>
    public ulong* Dirty => Bitmap(2);

    /// <summary>1: the page has been free and resident since the last look of the scavenger. Always a subset of both.</summary>
    public ulong* Aged => Bitmap(3);

    public nint End => Base + _geometry.ArenaBytes;

    /// <summary>Records of an arena all of whose pages behind the header are free, never touched and zero (unless it is told otherwise).</summary>
    public static ArenaPages* Create(MetadataAllocator metadata, nint address, PageGeometry geometry, bool needsZero)
    {
        ArenaPages* arena = (ArenaPages*)metadata.Allocate((nuint)sizeof(ArenaPages));
        if (arena == null)
        {
            return null;
        }

        *arena = new ArenaPages(address, geometry) { FreePages = geometry.MaxRun };
        PageBitmap.Set(arena->Free, geometry.HeaderPages, geometry.MaxRun);
        if (needsZero)
        {
            PageBitmap.Set(arena->Dirty, geometry.HeaderPages, geometry.MaxRun);
        }

        arena->Summarize(0, geometry.PagesPerArena);
        return arena;
    }

    /// <summary>Brings the summaries of a range whose free bits changed up to date.</summary>
    public void Summarize(int start, int count)
    {
        RunSummary* summaries = Summaries;
        int last = (start + count - 1) / RunSummary.PagesPerChunk;
        for (int chunk = start / RunSummary.PagesPerChunk; chunk <= last; chunk++)
        {
            summaries[chunk] = RunSummary.Of(Free + (chunk * (RunSummary.PagesPerChunk / 64)));
        }
    }

    /// <summary>The longest run of free pages.</summary>
    public int LongestRun()
    {
        RunSummary* summaries = Summaries;
        int longest = 0;
        int run = 0;
        for (int chunk = 0; chunk < Chunks; chunk++)
        {
            RunSummary summary = summaries[chunk];
            longest = Math.Max(longest, Math.Max(summary.Max, run + summary.Start));
            run = summary.Start == RunSummary.PagesPerChunk ? run + RunSummary.PagesPerChunk : summary.End;
        }

        return longest;
    }

    /// <summary>The first run of so many free pages; -1 when there is none.</summary>
    public int FindFirst(int count)
    {
        RunSummary* summaries = Summaries;
        int run = 0;
        for (int chunk = 0; chunk < Chunks; chunk++)
        {
            RunSummary summary = summaries[chunk];
            int start = chunk * RunSummary.PagesPerChunk;
            if (run + summary.Start >= count)
            {
                return start - run;
            }

            if (summary.Max >= count)
            {
                return PageBitmap.FindRun(Free, start, start + RunSummary.PagesPerChunk, count);
            }

            run = summary.Start == RunSummary.PagesPerChunk ? run + RunSummary.PagesPerChunk : summary.End;
        }

        return -1;
    }

    /// <summary>The first run of so many free pages that begins at a multiple of <paramref name="alignment"/> pages; -1 when there is none.</summary>
    public int FindFirstAligned(int count, int alignment)
    {
        int end = _geometry.PagesPerArena;
        int start = PageBitmap.NextSet(Free, 0, end);
        while (start < end)
        {
            int aligned = (start + alignment - 1) & -alignment;
            int stop = PageBitmap.NextClear(Free, start, end);
            if (stop - aligned >= count)
            {
                return aligned;
            }

            start = PageBitmap.NextSet(Free, stop, end);
        }

        return -1;
    }

    private readonly int Chunks => _geometry.PagesPerArena / RunSummary.PagesPerChunk;

    // The struct lies in native memory and never moves, so the address of a field is good for as long as the struct.
    private RunSummary* Summaries
    {
        get
        {
            fixed (ulong* first = _summaries)
            {
                return (RunSummary*)first;
            }
        }
    }

    private ulong* Bitmap(int index)
    {
        fixed (byte* first = _bitmaps)
        {
            return (ulong*)(first + (index * BitmapBytes));
        }
    }
}
