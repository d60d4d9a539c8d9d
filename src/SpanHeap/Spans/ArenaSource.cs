using System.Runtime.InteropServices;
using SpanHeap.Os;
using SpanHeap.Pages;

namespace SpanHeap.Spans;

/// <summary>
/// Grows a heap by arenas had from the platform, keeps its memory limit, and gives everything back when the heap goes.
/// </summary>
internal sealed unsafe partial class ArenaSource : IDisposable
{
    // Of those that may become longer, of which there are some only where address space is short, memory locked, or arenas fell empty.
    private const int MostRangesLookedAt = 16;

    // How often a thread that is about to grow the heap gives way to one that gives free pages back.
    private const int MostWaits = 64;

    private readonly OsMemory _os;
    private readonly PageHeap _pages;
    private readonly MetadataAllocator _metadata;
    private readonly bool _hugePages;
    private readonly nint _headerBytes;

    private readonly ArenaSpace _space;

    // All of these by the growing thread alone (see _growing), and by Dispose.
    private ArenaRange* _ranges;

    // Those that may become longer.
    private ArenaRange* _short;

    // A record for the next request, so that one that fails does not cost one.
    private ArenaRange* _spare;

    // 0, or 1 while a thread grows the heap. Not a lock: who finds it taken gives way and looks for free pages again.
    private int _growing;

    // By the growing thread; read by statistics.
    private long _reservedBytes;

    public ArenaSource(OsMemory os, PageHeap pages, MetadataAllocator metadata, ulong heapSerial, nuint limitBytes, bool hugePages, bool liveBits, bool tracedPlanes)
    {
        _os = os;
        _space = new ArenaSpace(os);
        _pages = pages;
        _metadata = metadata;
        HeapSerial = heapSerial;
        _hugePages = hugePages;
        _limitBytes = limitBytes == 0 ? nuint.MaxValue : limitBytes;
        HasLiveBits = liveBits;
        _headerBytes = ArenaHeader.Bytes(liveBits, tracedPlanes);
    }

    /// <summary>The heap whose memory it is.</summary>
    public ulong HeapSerial { get; }

    public bool HasLiveBits { get; }

    /// <summary>Address space had from the platform.</summary>
    public nuint ReservedBytes => (nuint)Volatile.Read(ref _reservedBytes);

    /// <summary>Makes a short arena longer, or adds one, unless there is a free run by now. Call without a lock, after <see cref="PageRefusal.NoRun"/>.</summary>
    /// <param name="count">Pages of the run that was lacking.</param>
    /// <param name="alignment">Its alignment in pages.</param>
    /// <returns>False when the platform has no memory; true when it is worth looking again.</returns>
    public bool TryGrow(int count, int alignment)
    {
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

    /// <summary>Gives the addresses of arenas without pages in use back to the system, but not of the last. Call without a lock.</summary>
    /// <remarks>
    /// <para>
    /// Only pages go. The header stays, and the arena with it, as one that has no pages and may become longer: so whoever looks up an
    /// address at the same time, as any thread may with any address, reads a page entry that says that the page is free. Page entries are
    /// all that such a look-up reads before it holds the owner's lock, or has found that the block is live, which keeps the arena.
    /// </para>
    /// <para>What the platform's allocator gave in one piece with other arenas stays until the heap goes.</para>
    /// </remarks>
    /// <param name="idleOnly">Only those whose memory went back many rounds of maintenance ago.</param>
    public void GiveBackFree(bool idleOnly = false)
    {
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
        }
        finally
        {
            Volatile.Write(ref _growing, 0);
        }
    }

    /// <summary>Takes all arenas out of the table and gives their memory back. Nobody may use the heap any more.</summary>
    public void Dispose()
    {
        for (ArenaRange* range = _ranges; range != null; range = range->Next)
        {
            for (int i = 0; i < range->Arenas; i++)
            {
                ArenaMap.Remove(range->First + (i * PageGeometry.ArenaSize));
            }

            GiveBack(*range);
        }

        _ranges = _short = null;
        _reservedBytes = 0;
    }

    // Whether there is such a run, also when it is in the hands of a scavenger, which has it for a few microseconds.
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

    // Some of those that are shorter than their place. One that others have taken the rest of is looked at in vain each time.
    private bool TryExtend(int count, int alignment)
    {
        nuint least = (nuint)(count + alignment - 1) << PageGeometry.PageShift;
        ArenaRange* previous = null;
        ArenaRange* range = _short;
        for (int looked = 0; range != null && looked < MostRangesLookedAt; looked++)
        {
            nint end = range->End;
            nuint more = _space.TryExtend(ref *range, least);
            if (more > 0)
            {
                if (!IsShort(*range))
                {
                    Unlink(range, previous);
                }

                Volatile.Write(ref ArenaHeader.Descriptor(range->First)->End, range->End);
                _reservedBytes += (long)more;
                _os.AdviseHugePages(end, more, _hugePages);
                _pages.ExtendArena(range->First, (int)(more >> PageGeometry.PageShift), fresh: true);
                return true;
            }

            previous = range;
            range = range->NextShort;
        }

        return false;
    }

    private void Link(ArenaRange* range)
    {
        range->NextShort = _short;
        _short = range;
    }

    private void Unlink(ArenaRange* range, ArenaRange* previous)
    {
        if (previous == null)
        {
            _short = range->NextShort;
        }
        else
        {
            previous->NextShort = range->NextShort;
        }
    }

    // The page heap has let the pages go, so nobody comes by them. Then the addresses are nobody's, and only then do they go.
    private void Shorten(ArenaRange* range, int pages)
    {
        bool wasShort = IsShort(*range);
        nuint bytes = (nuint)pages << PageGeometry.PageShift;
        nint end = range->End - (nint)bytes;
        Volatile.Write(ref ArenaHeader.Descriptor(range->First)->End, end);
        if (!_os.ShrinkMap(end, bytes))
        {
            Volatile.Write(ref ArenaHeader.Descriptor(range->First)->End, range->End);
            _pages.ExtendArena(range->First, pages, fresh: false);
            return;
        }

        range->End = end;
        range->Bytes -= bytes;
        _reservedBytes -= (long)bytes;
        if (!wasShort)
        {
            Link(range);
        }
    }

    private bool TryReserve(int count, int alignment)
    {
        if (_spare == null && (_spare = (ArenaRange*)_metadata.Allocate((nuint)sizeof(ArenaRange))) == null)
        {
            return false;
        }

        int header = (_pages.Geometry.HeaderPages + alignment - 1) & -alignment;
        nuint least = (nuint)(header + count) << PageGeometry.PageShift;
        if (!_space.TryReserve(least, isFirst: _pages.ArenaCount == 0, out ArenaRange range))
        {
            return false;
        }

        range.Arenas = Publish(range);
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

    // What was mapped and may become longer.
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
        }
    }

    // As many arenas as there is memory for records of; the addresses of the rest stay unused.
    private int Publish(in ArenaRange range)
    {
        nuint bytes = (nuint)(range.End - range.First);
        bool zero = range.Block == null || (_os.Discard(range.First, bytes) && OsMemory.DiscardedPagesAreZero);
        _os.AdviseHugePages(range.First, bytes, _hugePages);
        int published = 0;
        while (published < range.Arenas && TryPublish(range.First + (published * PageGeometry.ArenaSize), range.End, zero))
        {
            published++;
        }

        return published;
    }

    private bool TryPublish(nint arena, nint end, bool zero)
    {
        if (!zero)
        {
            // Entries must read as unused; spans and bits are written before they are used, and a span's first state is dead.
            NativeMemory.Clear((void*)arena, (nuint)_headerBytes);
        }

        // In the map first: as soon as the page heap has it, somebody may free a block in it.
        nint bytes = Math.Min(end - arena, PageGeometry.ArenaSize);
        ArenaDescriptor* descriptor = ArenaHeader.Descriptor(arena);
        descriptor->HeapSerial = HeapSerial;
        descriptor->IsChecked = HasLiveBits;
        descriptor->End = arena + bytes;
        ArenaMap.Set(arena, ArenaKind.Arena);
        if (_pages.AddArena(arena, (int)(bytes >> PageGeometry.PageShift), needsZero: !zero))
        {
            return true;
        }

        ArenaMap.Remove(arena);
        return false;
    }
}
