using System.Numerics;
using SpanHeap.Os;

namespace SpanHeap.Pages;

/// <summary>
/// What the page heap knows of one arena: six bits for each page, and a summary for each 512 pages. It is not stored in the arena, so a page heap
/// works on addresses alone.
/// </summary>
/// <remarks>All of it is guarded by the page heap's lock.</remarks>
internal unsafe struct ArenaPages
{
    private const int Words = PageGeometry.MaxPagesPerArena / 64;
    private const int MaxChunks = PageGeometry.MaxPagesPerArena / RunSummary.PagesPerChunk;
    private const int BitmapBytes = Words * sizeof(ulong);

    public nint Base;

    /// <summary>The number of pages in the arena that are free, whether backed by memory or not.</summary>
    public int FreePages;

    /// <summary>The number of pages that the arena has, header included: as many as its addresses have room for, unless address space was short.</summary>
    public int Pages;

    /// <summary>The number of pages after <see cref="Pages"/> whose addresses belong to the arena and are closed: no thread can read them.</summary>
    public int Closed;

    /// <summary>The number of free pages that are backed by memory.</summary>
    public int ResidentFreePages;

    /// <summary>The page before which free pages stay resident although they are idle (<see cref="PageRetention"/>).</summary>
    public int KeptEnd;

    /// <summary>Whether all of the arena, its metadata included, was discarded since it was last used.</summary>
    public bool Released;

    /// <summary>How often the heap has asked, since the arena was last used, whether its addresses may go too.</summary>
    public int IdleLooks;

    private readonly PageGeometry _geometry;
    private fixed ulong _summaries[MaxChunks];
    private fixed byte _bitmaps[6 * BitmapBytes];

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

    /// <summary>1: the page has been free and resident since the last look of the scavenger. Always free and resident pages, and none that was refused.</summary>
    public ulong* Aged => Bitmap(3);

    /// <summary>1: the system has refused to take the page's memory back since it was last used.</summary>
    public ulong* Refused => Bitmap(4);

    /// <summary>1: the page has been free and resident since the last turn of old pages (<see cref="PageRetention"/>), or an earlier one.</summary>
    public ulong* Old => Bitmap(5);

    public nint End => Base + _geometry.ArenaBytes;

    /// <summary>Whether any page is in use or held by a scavenger. An arena may have no pages at all.</summary>
    public readonly bool HasPagesInUse => FreePages != Pages - _geometry.HeaderPages;

    /// <summary>Makes the records of an arena whose pages after the header are all free, never touched, and zero unless said otherwise.</summary>
    public static ArenaPages* Create(MetadataAllocator metadata, nint address, PageGeometry geometry, int pages, bool needsZero)
    {
        ArenaPages* arena = (ArenaPages*)metadata.Allocate((nuint)sizeof(ArenaPages));
        if (arena == null)
        {
            return null;
        }

        Invariant.Assert(geometry.PagesPerArena % 64 == 0 && geometry.PagesPerArena <= PageGeometry.MaxPagesPerArena, "The bitmaps have whole words, and room for all pages.");
        Invariant.Assert(pages <= geometry.PagesPerArena, "An arena has no more pages than its addresses have room for.");
        int free = pages - geometry.HeaderPages;
        *arena = new ArenaPages(address, geometry) { FreePages = free, Pages = pages };
        PageBitmap.Set(arena->Free, geometry.HeaderPages, free);
        if (needsZero)
        {
            PageBitmap.Set(arena->Dirty, geometry.HeaderPages, free);
        }

        arena->SummarizeAll();
        return arena;
    }

    /// <summary>Gets the first of the pages at the end of the arena that are all free, not backed by memory, and zero; the end of the arena when there are none.</summary>
    public int StartOfUntouchedEnd()
    {
        int start = Pages;
        while (start > _geometry.HeaderPages)
        {
            // Downwards from the last page of the word that the arena has.
            int word = (start - 1) / 64;
            ulong other = ~Free[word] | Resident[word] | Dirty[word];
            other &= PageBitmap.Mask(word * 64, start);
            if (other != 0)
            {
                return Math.Max(_geometry.HeaderPages, (word * 64) + 64 - BitOperations.LeadingZeroCount(other));
            }

            start = word * 64;
        }

        return _geometry.HeaderPages;
    }

    /// <summary>Takes free pages to be used, in one pass over the words of the bitmaps.</summary>
    /// <param name="start">The first.</param>
    /// <param name="count">How many.</param>
    /// <param name="dirty">Whether one may hold something other than zeros.</param>
    /// <param name="run">The length of the free run that they were part of.</param>
    /// <returns>The number of pages that were resident.</returns>
    public int Take(int start, int count, out bool dirty, out int run)
    {
        Invariant.Assert(PageBitmap.Count(Free, start, count) == count, "Only free pages are taken.");
        FindRun(start, count, out int first, out int end);
        ulong* free = Free;
        ulong* resident = Resident;
        ulong* nonzero = Dirty;
        ulong* aged = Aged;
        ulong* old = Old;
        ulong* refused = Refused;
        ulong anyDirty = 0;
        int wereResident = 0;
        int stop = start + count;
        for (int page = start; page < stop; page = PageBitmap.NextWord(page))
        {
            int word = page / 64;
            ulong mask = PageBitmap.Mask(page, stop);
            free[word] &= ~mask;
            aged[word] &= ~mask;
            old[word] &= ~mask;
            refused[word] &= ~mask;
            wereResident += BitOperations.PopCount(resident[word] & mask);
            resident[word] |= mask;
            anyDirty |= nonzero[word] & mask;
            nonzero[word] |= mask;
        }

        FreePages -= count;
        ResidentFreePages -= wereResident;
        AssertCounted();
        ShortenSummaries(first, end, start, stop);
        dirty = anyDirty != 0;
        run = end - first;
        return wereResident;
    }

    /// <summary>Takes free pages in order to give their memory back. What is known of them stays known.</summary>
    /// <returns>The length of the free run that they were part of.</returns>
    public int Hold(int start, int count)
    {
        Invariant.Assert(PageBitmap.Count(Free, start, count) == count, "Only free pages are held.");
        FindRun(start, count, out int first, out int end);
        PageBitmap.Clear(Free, start, count);
        PageBitmap.Clear(Aged, start, count);
        PageBitmap.Clear(Old, start, count);
        FreePages -= count;
        ResidentFreePages -= PageBitmap.Count(Resident, start, count);
        AssertCounted();
        ShortenSummaries(first, end, start, start + count);
        return end - first;
    }

    /// <summary>Makes pages free again.</summary>
    /// <param name="start">The first.</param>
    /// <param name="count">How many.</param>
    /// <param name="resident">How many of them are backed by memory.</param>
    /// <param name="first">The first page of the free run that they are part of now.</param>
    /// <returns>The length of that run.</returns>
    public int Put(int start, int count, int resident, out int first)
    {
        Invariant.Assert(count > 0 && start >= _geometry.HeaderPages && start + count <= Pages, "Only pages of the arena become free, and none of its header.");
        Invariant.Assert(PageBitmap.Count(Free, start, count) == 0, "No page becomes free twice.");
        Invariant.Assert(PageBitmap.Count(Aged, start, count) == 0, "Only free pages have been idle since the scavenger's last look.");
        PageBitmap.Set(Free, start, count);
        FreePages += count;
        ResidentFreePages += resident;
        AssertCounted();
        FindRun(start, count, out first, out int end);
        for (int chunk = start / RunSummary.PagesPerChunk; chunk <= (start + count - 1) / RunSummary.PagesPerChunk; chunk++)
        {
            Summaries[chunk].Join(chunk * RunSummary.PagesPerChunk, first, end);
        }

        return end - first;
    }

    /// <summary>Computes the summaries from the bits.</summary>
    public void SummarizeAll()
    {
        for (int chunk = 0; chunk < Chunks; chunk++)
        {
            Summaries[chunk] = Summarize(chunk);
        }
    }

    /// <summary>Determines whether the summaries, which are updated step by step, agree with the bits.</summary>
    public bool AreSummariesTrue()
    {
        bool same = true;
        for (int chunk = 0; chunk < Chunks; chunk++)
        {
            same &= Summaries[chunk].Equals(Summarize(chunk));
        }

        return same;
    }

    /// <summary>Finds the first free page in [start, end) that is backed by memory, or that is not; <paramref name="end"/> when there is none.</summary>
    public int NextFree(int start, int end, bool resident)
    {
        while (start < end)
        {
            start = PageBitmap.NextSet(Free, start, end);
            int next = resident ? PageBitmap.NextSet(Resident, start, end) : PageBitmap.NextClear(Resident, start, end);
            if (next == start)
            {
                break;
            }

            start = next;
        }

        return start;
    }

    /// <summary>Finds the page before which there are so many free pages that are backed by memory, or all that there are.</summary>
    /// <param name="count">How many.</param>
    /// <param name="found">How many there are before the page.</param>
    public int EndOfResident(long count, out int found)
    {
        found = 0;
        int most = (int)Math.Min(count, ResidentFreePages);
        for (int word = 0; found < most; word++)
        {
            ulong pages = Free[word] & Resident[word];
            int here = BitOperations.PopCount(pages);
            if (found + here >= most)
            {
                for (int left = most - found; left > 1; left--)
                {
                    pages &= pages - 1;
                }

                found = most;
                return (word * 64) + BitOperations.TrailingZeroCount(pages) + 1;
            }

            found += here;
        }

        return 0;
    }

    /// <summary>Computes the length of the longest run of free pages.</summary>
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

    /// <summary>Finds the first run of the given number of free pages; -1 when there is none.</summary>
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

    /// <summary>Finds the first run of the given number of free pages that begins at a multiple of <paramref name="alignment"/> pages; -1 when there is none.</summary>
    public int FindFirstAligned(int count, int alignment)
    {
        int end = _geometry.PagesPerArena;
        int start = PageBitmap.NextSetAligned(Free, 0, end, alignment);
        while (start <= end - count)
        {
            int stop = PageBitmap.NextClear(Free, start, start + count);
            if (stop == start + count)
            {
                return start;
            }

            start = PageBitmap.NextSetAligned(Free, PageMath.AlignUp(stop, alignment), end, alignment);
        }

        return -1;
    }

    private readonly void AssertCounted() =>
        Invariant.Assert(ResidentFreePages >= 0 && ResidentFreePages <= FreePages && FreePages <= Pages - _geometry.HeaderPages, "Of the pages after the header some are free, and of those some are resident.");

    private void ShortenSummaries(int first, int end, int start, int stop)
    {
        for (int chunk = start / RunSummary.PagesPerChunk; chunk <= (stop - 1) / RunSummary.PagesPerChunk; chunk++)
        {
            if (!Summaries[chunk].TryShorten(chunk * RunSummary.PagesPerChunk, first, end, start, stop))
            {
                Summaries[chunk] = Summarize(chunk);
            }
        }
    }

    private RunSummary Summarize(int chunk) => RunSummary.Of(Free + (chunk * (RunSummary.PagesPerChunk / 64)));

    // Finds the range with all free pages right before and after it. It reads bits within a chunk and summaries beyond, so that neither a
    // long run nor a full arena takes many steps. The chunks of the range need not be summarised.
    private void FindRun(int start, int count, out int first, out int end)
    {
        int chunk = (start - 1) / RunSummary.PagesPerChunk;
        first = PageBitmap.StartOfRun(Free, start, chunk * RunSummary.PagesPerChunk);
        for (bool through = first == chunk * RunSummary.PagesPerChunk; through && --chunk >= 0;)
        {
            first -= Summaries[chunk].End;
            through = Summaries[chunk].End == RunSummary.PagesPerChunk;
        }

        chunk = (start + count - 1) / RunSummary.PagesPerChunk;
        int chunkEnd = (chunk + 1) * RunSummary.PagesPerChunk;
        end = PageBitmap.NextClear(Free, start + count, chunkEnd);
        for (bool through = end == chunkEnd; through && ++chunk < Chunks;)
        {
            end += Summaries[chunk].Start;
            through = Summaries[chunk].Start == RunSummary.PagesPerChunk;
        }
    }

    private readonly int Chunks => _geometry.PagesPerArena / RunSummary.PagesPerChunk;

    // The struct lies in native memory and never moves, so the address of a field is valid for as long as the struct.
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
