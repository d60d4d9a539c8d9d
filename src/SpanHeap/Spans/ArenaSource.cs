using SpanHeap.Os;
using SpanHeap.Pages;

namespace SpanHeap.Spans;

/// <summary>
/// Grows a heap by arenas from the platform, closes and returns what is free at their ends, and gives everything back when the heap goes.
/// </summary>
internal sealed unsafe partial class ArenaSource : IDisposable
{
    // How many ranges that may become longer are asked. A range may because what is free at its end is closed, address space is short,
    // memory is locked, or its arena fell empty. At most as many are asked how much is free at their ends.
    private const int MostRangesAsked = 16;

    // Fewer pages are left open at the end of an arena, because closing them would not be worth the calls.
    private const int LeastClosed = 1 << (20 - PageGeometry.PageShift);

    // How often a thread that is about to grow the heap gives way to one that gives free pages back.
    private const int MostWaits = 64;

    private readonly OsMemory _os;
    private readonly PageHeap _pages;
    private readonly MetadataAllocator _metadata;
    private readonly bool _hugePages;
    private readonly ArenaSpace _space;
    private readonly ArenaPublisher _publisher;

    // All of these are used by the growing thread alone (see _growing), and by Dispose.
    private ArenaRange* _ranges;

    // The ranges that may become longer.
    private ArenaRange* _short;

    // A record for the next request, so that one that fails does not cost one.
    private ArenaRange* _spare;

    // 0, or 1 while a thread grows the heap. Not a lock: a thread that finds it taken gives way and looks for free pages again.
    private int _growing;

    // Written by the growing thread; read by any thread, for statistics.
    private long _reservedBytes;

    public ArenaSource(OsMemory os, PageHeap pages, MetadataAllocator metadata, ulong heapSerial, bool hugePages, bool liveBits, nint headerBytes)
    {
        _os = os;
        _space = new ArenaSpace(os);
        _pages = pages;
        _metadata = metadata;
        HeapSerial = heapSerial;
        _hugePages = hugePages;
        _publisher = new ArenaPublisher(os, pages, heapSerial, hugePages, liveBits, headerBytes);
    }

    /// <summary>The serial number of the heap whose memory it is.</summary>
    public ulong HeapSerial { get; }

    /// <summary>The address of the cards of the heap's traced blocks; 0 for none. Set before the heap has an arena.</summary>
    public nint Cards
    {
        get => _publisher.Cards;
        set
        {
            Invariant.Assert(ReservedBytes == 0, "All arenas of a heap name its cards.");
            _publisher.Cards = value;
        }
    }

    /// <summary>The sizes of arenas and pages.</summary>
    public PageGeometry Geometry => _pages.Geometry;

    /// <summary>Bytes of address space that the heap has from the platform.</summary>
    public nuint ReservedBytes => (nuint)Volatile.Read(ref _reservedBytes);

    /// <summary>Makes a short arena longer, or adds one, unless there is a free run by now. Call without a lock, after <see cref="PageRefusal.NoRun"/>.</summary>
    /// <param name="count">Pages of the run that was lacking.</param>
    /// <param name="alignment">Its alignment in pages.</param>
    /// <returns>False when the platform has no memory; true when it is worth looking again.</returns>
    public bool TryGrow(int count, int alignment)
    {
        LockOrder.AssertNoneHeld();
        if (Interlocked.CompareExchange(ref _growing, 1, 0) != 0)
        {
            while (Volatile.Read(ref _growing) != 0)
            {
                InterleavingPoints.Spin(InterleavingPoint.GrowthAwaited);
                Thread.Yield();
            }

            return true;
        }

        try
        {
            InterleavingPoints.At(InterleavingPoint.GrowthBegins);

            // A look under the turn to grow: since the caller looked, another thread may have grown the heap, or freed pages.
            return AwaitsRun(count, alignment) || TryExtend(count, alignment) || TryReserve(count, alignment);
        }
        finally
        {
            Volatile.Write(ref _growing, 0);
        }
    }

    /// <summary>Opens the closed end of an arena, if a run that ends before it can become longer by so many pages then. Call without a lock.</summary>
    /// <returns>False when there is no such end, the system refused, or another thread grows the heap: the run is to go elsewhere.</returns>
    public bool TryOpenBehind(nint end, int count)
    {
        LockOrder.AssertNoneHeld();
        int lacking = _pages.ClosedPagesLackingBehind(end, count);
        if (lacking == 0 || Interlocked.CompareExchange(ref _growing, 1, 0) != 0)
        {
            return false;
        }

        try
        {
            nint arena = ArenaHeader.ArenaOf(end - 1);
            ArenaRange* previous = null;
            ArenaRange* range = _short;
            for (; range != null && range->First != arena; range = range->NextShort)
            {
                previous = range;
            }

            return range != null && range->Closed > 0 && TryLengthen(range, previous, PageMath.BytesOf(lacking));
        }
        finally
        {
            Volatile.Write(ref _growing, 0);
        }
    }

    /// <summary>Gives the addresses of arenas without pages in use back to the system, but not of the last. Call without a lock.</summary>
    /// <remarks>
    /// <para>
    /// Only pages go. The header stays, and the arena with it, as one that has no pages and may become longer: so a thread that looks up
    /// an address at the same time, as any thread may with any address, reads a page entry that says that the page is free. Page entries are
    /// all that such a look-up reads before it holds the owner's lock, or has found that the block is live, which keeps the arena.
    /// </para>
    /// <para>What the platform's allocator gave in one piece with other arenas stays until the heap goes.</para>
    /// </remarks>
    /// <param name="idleOnly">Only those whose memory went back many rounds of maintenance ago.</param>
    public void GiveBackFree(bool idleOnly = false)
    {
        LockOrder.AssertNoneHeld();
        if (Interlocked.CompareExchange(ref _growing, 1, 0) != 0)
        {
            // Another thread needs more: this is not the time.
            return;
        }

        try
        {
            for (ArenaRange* range = _ranges; range != null; range = range->Next)
            {
                if (range->Block == null && _pages.TryTakeArena(range->First, idleOnly, out int pages))
                {
                    Shorten(range, pages);
                }
            }

            CloseEnds();
        }
        finally
        {
            Volatile.Write(ref _growing, 0);
        }
    }

    /// <summary>Takes all arenas out of the table and gives their memory back. No thread may use the heap any more.</summary>
    public void Dispose()
    {
        for (ArenaRange* range = _ranges; range != null; range = range->Next)
        {
            for (int i = 0; i < range->Arenas; i++)
            {
                ArenaMap.Remove(range->First + (i * PageGeometry.ArenaSize));
            }

            InterleavingPoints.At(InterleavingPoint.ArenaUnlisted);
            GiveBack(*range);
        }

        _ranges = _short = null;
        _reservedBytes = 0;
    }

    // Determines whether there is such a run. A scavenger may hold it, for a few microseconds.
    private bool AwaitsRun(int count, int alignment)
    {
        bool found = _pages.HasRun(count, alignment);
        for (int step = 0; step < MostWaits && !found && _pages.PagesScavenged >= count; step++)
        {
            InterleavingPoints.Spin(InterleavingPoint.ScavengeAwaited);
            Thread.Yield();
            found = _pages.HasRun(count, alignment);
        }

        return found;
    }

    // Makes the ends of arenas unreadable as far as they have no memory, from the youngest arena to the first that has other free pages:
    // those serve first, so that an older arena which is half empty goes on to serve before a younger one.
    private void CloseEnds()
    {
        AssertGrowing();
        bool closed = true;
        for (ArenaRange* range = _ranges; range != null && closed && range->Block == null && !range->IsLocked; range = range->Next)
        {
            closed = _pages.CloseEnd(range->First, LeastClosed, out int pages);
            if (pages > 0)
            {
                Close(range, pages);
            }
        }
    }

    // The page heap has let the pages go, so no thread can get them. Their addresses still belong to the arena, so a bad pointer is described
    // as before.
    private void Close(ArenaRange* range, int pages)
    {
        InterleavingPoints.At(InterleavingPoint.ArenaTaken);
        bool wasShort = IsShort(*range);
        if (!_space.TryClose(ref *range, PageMath.BytesOf(pages)))
        {
            _pages.ExtendArena(range->First, pages, fresh: true, closed: pages);
        }
        else if (!wasShort)
        {
            Link(range);
        }
    }

    // Asks some of the arenas that are shorter than their place. One whose rest was taken by other mappings is asked in vain each time.
    private bool TryExtend(int count, int alignment)
    {
        AssertGrowing();
        nuint least = PageMath.BytesOf(count + alignment - 1);
        ArenaRange* previous = null;
        ArenaRange* range = _short;
        int looks = MostRangesAsked;
        for (int asked = 0; range != null && asked < MostRangesAsked; previous = range, range = range->NextShort)
        {
            nuint room = RoomOf(*range);
            nuint lacking = least <= room || looks-- <= 0 ? least : LackingAt(*range, least);
            if (lacking > room)
            {
                continue;
            }

            asked++;
            if (TryLengthen(range, previous, lacking))
            {
                return true;
            }
        }

        return false;
    }

    private bool TryLengthen(ArenaRange* range, ArenaRange* previous, nuint least)
    {
        AssertGrowing();
        nint end = range->End;
        nuint had = range->Bytes;
        bool wasClosed = range->Closed > 0;
        nuint more = _space.TryExtend(ref *range, least);
        if (more == 0)
        {
            return false;
        }

        if (!IsShort(*range))
        {
            Unlink(range, previous);
        }

        InterleavingPoints.At(InterleavingPoint.ArenaMapped);
        Volatile.Write(ref ArenaHeader.Descriptor(range->First)->End, range->End + (nint)range->Closed);
        InterleavingPoints.At(InterleavingPoint.ArenaEndMoved);
        _reservedBytes += (long)(range->Bytes - had);
        if (!wasClosed)
        {
            _os.AdviseHugePages(end, more, _hugePages);
        }

        int pages = PageMath.PagesIn(more);
        _pages.ExtendArena(range->First, pages, fresh: true, closed: wasClosed ? pages : 0);
        return true;
    }

    // What an arena lacks when the free pages at its end serve as well. Never nothing, as other threads may take some of them meanwhile.
    private nuint LackingAt(in ArenaRange range, nuint least)
    {
        nuint free = PageMath.BytesOf(_pages.FreeAtEnd(range.First));
        return least - Math.Min(least - 1, free);
    }

    private void Link(ArenaRange* range)
    {
        AssertGrowing();
        range->NextShort = _short;
        _short = range;
    }

    private void Unlink(ArenaRange* range, ArenaRange* previous)
    {
        AssertGrowing();
        Invariant.Assert((previous == null ? _short : previous->NextShort) == range, "A range stands after the previous one.");
        if (previous == null)
        {
            _short = range->NextShort;
        }
        else
        {
            previous->NextShort = range->NextShort;
        }
    }

    // The page heap has let the pages go, so no thread can be handed them. Then the arena says that it ends before them, and only then do
    // the addresses go.
    private void Shorten(ArenaRange* range, int pages)
    {
        AssertGrowing();
        InterleavingPoints.At(InterleavingPoint.ArenaTaken);
        bool wasShort = IsShort(*range);
        nuint bytes = PageMath.BytesOf(pages);
        nint end = range->End - (nint)bytes;
        Volatile.Write(ref ArenaHeader.Descriptor(range->First)->End, end);
        InterleavingPoints.At(InterleavingPoint.ArenaEndMoved);
        if (!_os.ShrinkMap(end, bytes + range->Closed))
        {
            Volatile.Write(ref ArenaHeader.Descriptor(range->First)->End, range->End + (nint)range->Closed);
            _pages.ExtendArena(range->First, pages, fresh: false, closed: -PageMath.PagesIn(range->Closed));
            return;
        }

        InterleavingPoints.At(InterleavingPoint.ArenaUnmapped);
        ArenaSpace.NoteOpen(range->Closed > 0);
        bytes += range->Closed;
        range->End = end;
        range->Bytes -= bytes;
        range->Closed = 0;
        _reservedBytes -= (long)bytes;
        if (!wasShort)
        {
            Link(range);
        }
    }

    private bool TryReserve(int count, int alignment)
    {
        AssertGrowing();
        if (_spare == null && (_spare = (ArenaRange*)_metadata.Allocate((nuint)sizeof(ArenaRange))) == null)
        {
            return false;
        }

        int header = PageMath.AlignUp(_pages.Geometry.HeaderPages, alignment);
        nuint least = PageMath.BytesOf(header + count);
        if (!_space.TryReserve(least, isFirst: _pages.ArenaCount == 0, out ArenaRange range))
        {
            return false;
        }

        range.Arenas = _publisher.Publish(range);
        if (range.Arenas == 0)
        {
            GiveBack(range);
            return false;
        }

        ArenaRange* record = _spare;
        _spare = null;
        *record = range;
        record->Next = _ranges;
        _ranges = record;
        if (IsShort(range))
        {
            Link(record);
        }

        _reservedBytes += (long)range.Bytes;
        return true;
    }

    private void AssertGrowing() => Invariant.Assert(Volatile.Read(ref _growing) != 0, "Only the thread whose turn it is changes the arenas.");

    // How much longer a range may become.
    private static nuint RoomOf(in ArenaRange range) => (nuint)(PageGeometry.ArenaSize - (range.End - range.First));

    // Whether a range was mapped and may become longer.
    private static bool IsShort(in ArenaRange range) => range.Block == null && range.End - range.First < PageGeometry.ArenaSize;

    private void GiveBack(in ArenaRange range)
    {
        if (range.Block != null)
        {
            _os.Free(range.Block);
        }
        else
        {
            _os.Unmap(range.First, range.Bytes);
            ArenaSpace.NoteOpen(range.Closed > 0);
        }
    }
}
