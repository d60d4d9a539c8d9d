using System.Diagnostics;
using System.Numerics;
using SpanHeap.Os;

namespace SpanHeap.Pages;

/// <summary>
/// Hands out runs of pages from a set of arenas: address-ordered first fit, so that a heap's low addresses fill up and its high ones
/// fall empty, with free neighbours joined by the nature of a bitmap.
/// </summary>
/// <remarks>
/// Thread safe by one lock. It never touches the pages: it knows addresses only, what is free, and what is known to be zero. Giving
/// memory back is done in steps by the caller, because a system call may not be made under the lock.
/// </remarks>
internal sealed unsafe partial class PageHeap(PageGeometry geometry, MetadataAllocator metadata)
{
    // An arena that nobody needs is visited more and more seldom: so many visits take some ten scavenge delays and more.
    private const int IdleLooksBeforeGone = 8;

    private readonly ArenaIndex _arenas = new(metadata);

    // Everything below is guarded by this lock; the counts are read without it by statistics.
    private NativeLock _lock;
    private long _pagesInUse;
    private long _runsInUse;
    private long _pagesFree;
    private long _pagesGivenBack;
    private int _arenaCount;
    private int _idleArenas;
    private long _arenasSearched;

    public PageGeometry Geometry => geometry;

    /// <summary>Pages handed out and not returned, headers of arenas not counted.</summary>
    public long PagesInUse => Volatile.Read(ref _pagesInUse);

    /// <summary>Free pages that are still backed by memory.</summary>
    public long PagesFree => Volatile.Read(ref _pagesFree);

    /// <summary>Free pages that are not: given back to the system, or never touched.</summary>
    public long PagesGivenBack => Volatile.Read(ref _pagesGivenBack);

    /// <summary>Runs handed out and not returned.</summary>
    public long RunsInUse => Volatile.Read(ref _runsInUse);

    /// <summary>How often the pages of an arena were looked through for a run.</summary>
    public long ArenasSearched => Volatile.Read(ref _arenasSearched);

    /// <summary>Arenas that have pages.</summary>
    public int ArenaCount => Volatile.Read(ref _arenaCount);

    /// <summary>Bytes of the records of arenas without pages in use.</summary>
    public long IdleRecordBytes => Volatile.Read(ref _idleArenas) * (long)sizeof(ArenaPages);

    /// <summary>Adds an arena whose pages behind the header are free; false when there is no memory for its records.</summary>
    /// <param name="address">Where it begins.</param>
    /// <param name="pages">How many it has, header included: at most <see cref="PageGeometry.PagesPerArena"/>.</param>
    /// <param name="needsZero">Whether they may hold something other than zeros.</param>
    public bool AddArena(nint address, int pages, bool needsZero)
    {
        // In this order nothing is lost when there is no memory: room is kept for the next try, and records come last.
        ArenaPages* arena = _arenas.EnsureRoom(ref _lock) ? ArenaPages.Create(metadata, address, geometry, pages, needsZero) : null;
        if (arena == null)
        {
            return false;
        }

        _lock.Enter();
        _arenas.Add(arena);
        _pagesGivenBack += arena->FreePages;
        _arenaCount++;
        _idleArenas++;
        _lock.Exit();
        return true;
    }

    /// <summary>Adds pages at the end of an arena. It must have room for them.</summary>
    /// <param name="address">Where the arena begins.</param>
    /// <param name="pages">How many.</param>
    /// <param name="fresh">Whether they are zero and were never touched; else they may be resident and hold anything.</param>
    public void ExtendArena(nint address, int pages, bool fresh)
    {
        _lock.Enter();
        int index = _arenas.IndexOf(address);
        ArenaPages* arena = _arenas[index];
        Debug.Assert(arena->Pages + pages <= geometry.PagesPerArena, "An arena has no more pages than its addresses have room for.");
        int start = arena->Pages;
        _arenaCount += start == geometry.HeaderPages ? 1 : 0;
        arena->Pages += pages;
        int run = arena->Put(start, pages, resident: fresh ? 0 : pages, out int first);
        _arenas.NoteRun(index, first, run);
        if (fresh)
        {
            _pagesGivenBack += pages;
        }
        else
        {
            PageBitmap.Set(arena->Resident, start, pages);
            PageBitmap.Set(arena->Dirty, start, pages);
            _pagesFree += pages;
        }

        _lock.Exit();
    }

    /// <summary>Takes all pages from an arena of which none is in use, unless it is the last that has pages.</summary>
    /// <param name="address">Where the arena begins.</param>
    /// <param name="idleOnly">Whether it must have been free, with its memory given back, for a number of such calls.</param>
    /// <param name="pages">How many there were. The arena stays, and may be extended again.</param>
    public bool TryTakeArena(nint address, bool idleOnly, out int pages)
    {
        _lock.Enter();
        int index = _arenas.IndexOf(address);
        ArenaPages* arena = _arenas[index];
        bool free = _arenaCount > 1 && arena->FreePages > 0 && !arena->HasPagesInUse;
        bool taken = free && (!idleOnly || (arena->Released && ++arena->IdleLooks > IdleLooksBeforeGone));
        pages = taken ? arena->FreePages : 0;
        if (taken)
        {
            Take(index, geometry.HeaderPages, pages);
            PageBitmap.Clear(arena->Resident, geometry.HeaderPages, pages);
            PageBitmap.Clear(arena->Dirty, geometry.HeaderPages, pages);
            arena->Pages = geometry.HeaderPages;
            _arenaCount--;
            _idleArenas++;
        }

        _lock.Exit();
        return taken;
    }

    /// <summary>Takes the lowest free run of so many pages of the oldest arena that has one.</summary>
    /// <param name="pages">Length, at least 1.</param>
    /// <param name="alignment">Alignment of its address in pages, a power of two that divides an arena.</param>
    /// <param name="room">Free pages that should follow the run, for a block that is expected to grow; a wish only.</param>
    /// <param name="run">The run.</param>
    /// <returns>False when no arena has such a run.</returns>
    public bool TryAllocate(int pages, int alignment, int room, out PageRun run)
    {
        _lock.Enter();
        bool found = Find(pages + room, alignment, out int index, out int start) || (room > 0 && Find(pages, alignment, out index, out start));
        run = found ? Take(index, start, pages) : default;
        _pagesInUse += run.Pages;
        _runsInUse += found ? 1 : 0;
        _lock.Exit();
        return found;
    }

    /// <summary>Whether <see cref="TryAllocate"/> would find such a run now.</summary>
    public bool HasRun(int pages, int alignment)
    {
        _lock.Enter();
        bool found = Find(pages, alignment, out _, out _);
        _lock.Exit();
        return found;
    }

    /// <summary>Takes the pages right behind a run if they are free, so that its owner can grow it where it is.</summary>
    public bool TryExtend(nint end, int pages, out PageRun more)
    {
        more = default;
        _lock.Enter();
        int index = _arenas.IndexOf(end);
        bool free = false;
        if (index >= 0)
        {
            ArenaPages* arena = _arenas[index];
            int start = (int)((end - arena->Base) >> PageGeometry.PageShift);
            free = start > 0 && start + pages <= arena->Pages && PageBitmap.NextClear(arena->Free, start, start + pages) == start + pages;
            if (free)
            {
                more = Take(index, start, pages);
                _pagesInUse += pages;
            }
        }

        _lock.Exit();
        return free;
    }

    /// <summary>Takes a run back. Its owner must have removed every trace of it before.</summary>
    public void Free(nint address, int pages) => Free(address, pages, runs: 1);

    /// <summary>Takes the end of a run back, whose owner goes on with the rest.</summary>
    public void FreeTail(nint address, int pages) => Free(address, pages, runs: 0);

    private void Free(nint address, int pages, int runs)
    {
        _lock.Enter();
        int index = _arenas.IndexOf(address);
        ArenaPages* arena = _arenas[index];
        int start = (int)((address - arena->Base) >> PageGeometry.PageShift);
        Put(index, start, pages, resident: pages);
        _runsInUse -= runs;
        _pagesInUse -= pages;
        _pagesFree += pages;
        _lock.Exit();
    }

    private bool Find(int pages, int alignment, out int index, out int start)
    {
        start = -1;
        int shift = BitOperations.Log2((uint)alignment);
        for (index = _arenas.FirstWithRun(pages, shift, 0); index >= 0; index = _arenas.FirstWithRun(pages, shift, index + 1))
        {
            _arenasSearched++;
            ArenaPages* arena = _arenas[index];
            start = alignment == 1 ? arena->FindFirst(pages) : arena->FindFirstAligned(pages, alignment);
            if (start >= 0)
            {
                return true;
            }

            _arenas.NoteMiss(index, shift, pages);
        }

        return false;
    }

    private PageRun Take(int index, int start, int pages)
    {
        ArenaPages* arena = _arenas[index];
        _idleArenas -= arena->HasPagesInUse ? 0 : 1;
        if (_pagesRefused != 0)
        {
            _pagesRefused -= PageBitmap.Count(arena->Refused, start, pages);
        }

        int resident = arena->Take(start, pages, out bool dirty, out int run);
        arena->Released = false;
        arena->IdleLooks = 0;
        if (run == _arenas.LongestRun(index))
        {
            _arenas.Update(index);
        }

        _pagesFree -= resident;
        _pagesGivenBack -= pages - resident;
        return new PageRun(arena->Base + ((nint)start << PageGeometry.PageShift), pages, dirty);
    }

    // Returns pages to an arena that has them in use, or on hold.
    private void Put(int index, int start, int pages, int resident)
    {
        ArenaPages* arena = _arenas[index];
        int run = arena->Put(start, pages, resident, out int first);
        _arenas.NoteRun(index, first, run);
        _idleArenas += arena->HasPagesInUse ? 0 : 1;
    }
}
