using System.Numerics;
using SpanHeap.Os;

namespace SpanHeap.Pages;

/// <summary>
/// Hands out runs of pages from a set of arenas. The search is first fit in address order, so that the low addresses of a heap fill up
/// and the high ones become empty. Free neighbors need not be joined, because a bitmap shows them as one run.
/// </summary>
/// <remarks>
/// Thread safe by the lock of the <see cref="PageStore"/>. It never touches the pages: it knows only their addresses, whether they are
/// free, and whether they are known to be zero. Memory goes back to the system through <see cref="PageScavenging"/>.
/// </remarks>
internal sealed unsafe class PageHeap(PageStore store)
{
    // An arena that is not needed is visited less and less often: this many visits take more than ten scavenge delays.
    private const int IdleLooksBeforeGone = 8;

    private readonly ArenaIndex _arenas = store.Arenas;
    private readonly PageCounters _counters = store.Counters;

    public PageGeometry Geometry => store.Geometry;

    /// <inheritdoc cref="PageCounters.InUse"/>
    public long PagesInUse => Volatile.Read(ref _counters.InUse);

    /// <inheritdoc cref="PageCounters.Free"/>
    public long PagesFree => Volatile.Read(ref _counters.Free);

    /// <inheritdoc cref="PageCounters.GivenBack"/>
    public long PagesGivenBack => Volatile.Read(ref _counters.GivenBack);

    /// <inheritdoc cref="PageCounters.Scavenged"/>
    public long PagesScavenged => Volatile.Read(ref _counters.Scavenged);

    /// <inheritdoc cref="PageCounters.Runs"/>
    public long RunsInUse => Volatile.Read(ref _counters.Runs);

    /// <inheritdoc cref="PageCounters.ArenasSearched"/>
    public long ArenasSearched => Volatile.Read(ref _counters.ArenasSearched);

    /// <inheritdoc cref="PageCounters.Arenas"/>
    public int ArenaCount => Volatile.Read(ref _counters.Arenas);

    /// <summary>The number of bytes in the records of arenas without a page in use.</summary>
    public long IdleRecordBytes => Volatile.Read(ref _counters.IdleArenas) * (long)sizeof(ArenaPages);

    /// <summary>Adds an arena whose pages after the header are free; false when there is no memory for its records.</summary>
    /// <param name="address">Where the arena begins.</param>
    /// <param name="pages">How many pages it has, header included: at most <see cref="PageGeometry.PagesPerArena"/>.</param>
    /// <param name="needsZero">Whether the pages may hold something other than zeros.</param>
    public bool AddArena(nint address, int pages, bool needsZero)
    {
        // In this order, nothing is lost when there is no memory: the room is kept for the next attempt, and records come last.
        ArenaPages* arena = _arenas.EnsureRoom(ref store.Lock) ? ArenaPages.Create(store.Metadata, address, store.Geometry, pages, needsZero) : null;
        if (arena == null)
        {
            return false;
        }

        store.Lock.Enter();
        _arenas.Add(arena);
        _counters.GivenBack += arena->FreePages;
        _counters.Arenas++;
        _counters.IdleArenas++;
        store.Lock.Exit();
        return true;
    }

    /// <summary>Adds pages at the end of an arena. It must have room for them.</summary>
    /// <param name="address">Where the arena begins.</param>
    /// <param name="pages">How many.</param>
    /// <param name="fresh">Whether the pages are zero and were never touched; otherwise they may be resident and hold anything.</param>
    /// <param name="closed">How many of them were the arena's and closed; less than zero when so many others after them are closed again.</param>
    public void ExtendArena(nint address, int pages, bool fresh, int closed = 0)
    {
        store.Lock.Enter();
        int index = _arenas.IndexOf(address);
        ArenaPages* arena = _arenas[index];
        Invariant.Assert(arena->Pages + pages <= store.Geometry.PagesPerArena, "An arena has no more pages than its addresses have room for.");
        Invariant.Assert(arena->Closed >= closed, "No more pages are opened than are closed.");
        int start = arena->Pages;
        _counters.Arenas += start == store.Geometry.HeaderPages && arena->Closed == 0 ? 1 : 0;
        arena->Closed -= closed;
        _counters.Closed -= closed;
        arena->Pages += pages;
        if (pages > 0)
        {
            int run = arena->Put(start, pages, resident: fresh ? 0 : pages, out int first);
            _arenas.NoteRun(index, first, run);
        }

        if (fresh)
        {
            _counters.GivenBack += pages;
        }
        else
        {
            PageBitmap.Set(arena->Resident, start, pages);
            PageBitmap.Set(arena->Dirty, start, pages);
            _counters.Free += pages;
        }

        store.Lock.Exit();
    }

    /// <summary>Takes all pages from an arena of which no page is in use, unless it is the last arena that has pages.</summary>
    /// <param name="address">Where the arena begins.</param>
    /// <param name="idleOnly">Whether the arena must have been free, with its memory given back, for a number of such calls.</param>
    /// <param name="pages">How many there were. The arena stays, and may be extended again.</param>
    public bool TryTakeArena(nint address, bool idleOnly, out int pages)
    {
        store.Lock.Enter();
        int index = _arenas.IndexOf(address);
        ArenaPages* arena = _arenas[index];
        bool free = _counters.Arenas > 1 && arena->FreePages + arena->Closed > 0 && !arena->HasPagesInUse;
        bool idle = arena->Released || arena->FreePages == 0;
        bool taken = free && (!idleOnly || (idle && ++arena->IdleLooks > IdleLooksBeforeGone));
        pages = taken ? arena->FreePages : 0;
        if (taken)
        {
            store.TakeEnd(index, pages);
            _counters.Closed -= arena->Closed;
            arena->Closed = 0;
            arena->Released = false;
            arena->IdleLooks = 0;
            _counters.Arenas--;
        }

        store.Lock.Exit();
        return taken;
    }

    /// <summary>Takes the pages after the last one in use from an arena, as far as they have no memory and are zero, in order to close them.</summary>
    /// <param name="address">Where the arena begins.</param>
    /// <param name="least">How many pages there must be.</param>
    /// <param name="pages">How many pages there were. The page heap counts them as closed from now on.</param>
    /// <returns>Whether no free page is left open in the arena.</returns>
    public bool CloseEnd(nint address, int least, out int pages)
    {
        store.Lock.Enter();
        int index = _arenas.IndexOf(address);
        ArenaPages* arena = _arenas[index];
        int unit = store.Geometry.PagesPerSystemPage;
        int start = PageMath.RoundUp(arena->StartOfUntouchedEnd(), unit);
        pages = arena->Pages - start;
        pages = pages >= least ? pages : 0;
        if (pages > 0)
        {
            store.TakeEnd(index, pages);
            arena->Closed += pages;
            _counters.Closed += pages;
        }

        bool closed = arena->FreePages == 0;
        store.Lock.Exit();
        return closed;
    }

    /// <summary>Takes the lowest free run of the given number of pages in the oldest arena that has one.</summary>
    /// <param name="pages">The length of the run, at least 1.</param>
    /// <param name="alignment">The alignment of its address in pages, a power of two that divides an arena.</param>
    /// <param name="room">Free pages that should follow the run, for a block that is expected to grow. A wish only.</param>
    /// <param name="run">The run.</param>
    /// <param name="kind">The kind that the run counts as.</param>
    /// <returns>False when no arena has such a run.</returns>
    public bool TryAllocate(int pages, int alignment, int room, out PageRun run, int kind = 0)
    {
        Invariant.Assert(pages > 0 && room >= 0, "A run has pages.");
        store.Lock.Enter();
        bool found = Find(pages + room, alignment, out int index, out int start) || (room > 0 && Find(pages, alignment, out index, out start));
        run = found ? store.Take(index, start, pages) : default;
        _counters.Count(kind, found ? 1 : 0, run.Pages);
        store.Lock.Exit();
        return found;
    }

    /// <summary>Determines whether <see cref="TryAllocate"/> would find such a run now.</summary>
    public bool HasRun(int pages, int alignment)
    {
        store.Lock.Enter();
        bool found = Find(pages, alignment, out _, out _);
        store.Lock.Exit();
        return found;
    }

    /// <summary>
    /// Counts the closed pages of an arena that a run needs in order to become longer by the given number, if all open pages after it are free. The
    /// result is 0 where closed pages would not help.
    /// </summary>
    public int ClosedPagesLackingBehind(nint end, int count)
    {
        store.Lock.Enter();

        // Found by the last page of the run, because the run may end where the arena ends.
        int index = _arenas.IndexOf(end - 1);
        ArenaPages* arena = index >= 0 ? _arenas[index] : null;
        int lacking = 0;
        if (arena != null && arena->Closed > 0)
        {
            int start = PageMath.PageOf(arena->Base, end);
            int free = arena->Pages - start;
            bool isLast = PageBitmap.NextClear(arena->Free, start, arena->Pages) == arena->Pages;
            lacking = isLast && count > free && count - free <= arena->Closed ? count - free : 0;
        }

        store.Lock.Exit();
        return lacking;
    }

    /// <summary>Counts the free pages at the end of an arena.</summary>
    public int FreeAtEnd(nint address)
    {
        store.Lock.Enter();
        ArenaPages* arena = _arenas[_arenas.IndexOf(address)];
        int pages = arena->Pages - PageBitmap.StartOfRun(arena->Free, arena->Pages, store.Geometry.HeaderPages);
        store.Lock.Exit();
        return pages;
    }

    /// <summary>Takes the pages right after a run if they are free, so that the owner of the run can grow it in place.</summary>
    public bool TryExtend(nint end, int pages, out PageRun more, in RunChange change = default)
    {
        more = default;
        store.Lock.Enter();
        int index = _arenas.IndexOf(end);
        bool free = false;
        if (index >= 0)
        {
            ArenaPages* arena = _arenas[index];
            int start = PageMath.PageOf(arena->Base, end);
            free = start > 0 && start + pages <= arena->Pages && PageBitmap.NextClear(arena->Free, start, start + pages) == start + pages;
            if (free)
            {
                more = store.Take(index, start, pages);
                _counters.Count(change, pages);
            }
        }

        store.Lock.Exit();
        return free;
    }

    /// <summary>Takes a run back. The caller must have removed every trace of it before.</summary>
    public void Free(nint address, int pages, int kind = 0)
    {
        store.Lock.Enter();
        store.PutBack(address, pages);
        _counters.Count(kind, -1, -pages);
        store.Lock.Exit();
    }

    /// <summary>Takes the end of a run back. The owner of the run keeps the rest.</summary>
    public void FreeTail(nint address, int pages, in RunChange change = default)
    {
        store.Lock.Enter();
        store.PutBack(address, pages);
        _counters.Count(change, -pages);
        store.Lock.Exit();
    }

    /// <summary>Counts a run as one of another kind from now on.</summary>
    public void Rename(in RunChange change)
    {
        store.Lock.Enter();
        _counters.Count(change, 0);
        store.Lock.Exit();
    }

    /// <summary>Gets the arena with a number, counted from the oldest; false after the youngest.</summary>
    public bool TryGetArena(int index, out nint arena)
    {
        store.Lock.Enter();
        bool found = index < _arenas.Count;
        arena = found ? _arenas[index]->Base : 0;
        store.Lock.Exit();
        return found;
    }

    /// <summary>Gets all counts of one moment. Pages that are held in order to be given back count as free.</summary>
    /// <param name="byKind">Where to write what is handed out of each kind.</param>
    public PageCounts Count(Span<RunCount> byKind)
    {
        store.Lock.Enter();
        _counters.ByKind.CopyTo(byKind);
        PageCounts counts = _counters.ToCounts();
        store.Lock.Exit();
        return counts;
    }

    /// <inheritdoc cref="PageVerifier.Verify"/>
    public void Verify(Action<nint, int>? onFreeRun = null) => new PageVerifier(store).Verify(onFreeRun);

    private bool Find(int pages, int alignment, out int index, out int start)
    {
        store.Lock.AssertHeld();
        Invariant.Assert(BitOperations.IsPow2(alignment), "An alignment is a power of two.");
        start = -1;
        int shift = BitOperations.Log2((uint)alignment);
        for (index = _arenas.FirstWithRun(pages, shift, 0); index >= 0; index = _arenas.FirstWithRun(pages, shift, index + 1))
        {
            _counters.ArenasSearched++;
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
}
