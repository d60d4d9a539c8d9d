using System.Runtime.InteropServices;
using SpanHeap.Os;
using SpanHeap.Pages;

namespace SpanHeap.Spans;

/// <summary>
/// Grows a heap by arenas had from the platform, keeps its memory limit, and gives everything back when the heap goes.
/// </summary>
internal sealed unsafe partial class ArenaSource : IDisposable
{
    // Of those that may have short arenas; there are some only where address space is short, or memory locked.
    private const int MostRangesLookedAt = 16;

    // How often a thread that is about to grow the heap gives way to one that gives free pages back.
    private const int MostWaits = 64;

    private readonly OsMemory _os;
    private readonly PageHeap _pages;
    private readonly MetadataAllocator _metadata;
    private readonly bool _hugePages;
    private readonly nint _headerBytes;
    private readonly nuint _limitBytes;

    private readonly ArenaSpace _space;

    // All three by the growing thread alone (see _growing), and by Dispose.
    private ArenaRange* _ranges;
    private int _shortRanges;

    // A record for the next request, so that one that fails does not cost one.
    private ArenaRange* _spare;

    // 0, or 1 while a thread grows the heap. Not a lock: who finds it taken gives way and looks for free pages again.
    private int _growing;

    // Bytes of huge blocks, which count towards the limit. Interlocked.
    private long _hugeBytes;

    // Those of them that are free and kept for reuse. Interlocked.
    private long _keptHugeBytes;
    private long _reservedBytes;

    // Held between looking at the limit and taking what it allows; a heap without a limit does without.
    private NativeLock _limitLock;

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

    /// <summary>Bytes of records: those elsewhere, and the part of the arenas' headers that describes pages in use.</summary>
    public nuint MetadataBytes => RecordBytes(_pages.PagesInUse);

    /// <summary>What counts towards the heap's limit: pages in use and records, huge blocks; of guarded blocks that live their bytes alone.</summary>
    public nuint BytesInUse
    {
        get
        {
            // Read one after the other: less than zero for a moment while a block goes, or moves.
            long pages = Math.Max(0, _pages.PagesInUse - GuardedPages);
            long guarded = Math.Max(0, GuardedBytes);
            return ((nuint)pages << PageGeometry.PageShift) + RecordBytes(pages) + (nuint)Volatile.Read(ref _hugeBytes) + (nuint)guarded;
        }
    }

    /// <summary>Bytes that may be used at most; <see cref="nuint.MaxValue"/> without a limit.</summary>
    public nuint LimitBytes => _limitBytes;

    /// <summary>Whether so many more pages stay within the heap's limit, if nobody else takes them first.</summary>
    public bool IsWithinLimit(int morePages) => IsWithinLimit((nuint)morePages << PageGeometry.PageShift);

    public bool IsWithinLimit(nuint moreBytes)
    {
        if (_limitBytes == nuint.MaxValue)
        {
            return true;
        }

        nuint used = BytesInUse;
        return used <= _limitBytes && moreBytes <= _limitBytes - used;
    }

    /// <summary>Charges bytes of huge blocks if the limit allows; whoever then gets no memory gives them back.</summary>
    public bool TryAddHugeBytes(nuint bytes)
    {
        EnterLimit();
        bool within = IsWithinLimit(bytes);
        if (within)
        {
            AddHugeBytes((long)bytes);
        }

        ExitLimit();
        return within;
    }

    /// <summary>Takes pages if the limit allows: looking and taking are one step for all threads.</summary>
    /// <returns>What stood against it. Only after <see cref="PageRefusal.NoRun"/> does <see cref="TryGrow"/> help.</returns>
    public PageRefusal TryAllocate(int count, int alignment, int room, out PageRun run)
    {
        run = default;
        EnterLimit();
        PageRefusal refusal = !IsWithinLimit(count) ? PageRefusal.Limit
            : !_pages.TryAllocate(count, alignment, room, out run) ? PageRefusal.NoRun
            : PageRefusal.None;
        ExitLimit();
        return refusal;
    }

    /// <summary>Takes the pages right behind a run if they are free and the limit allows.</summary>
    public bool TryExtend(nint end, int count)
    {
        EnterLimit();
        bool taken = IsWithinLimit(count) && _pages.TryExtend(end, count, out _);
        ExitLimit();
        return taken;
    }

    private nuint RecordBytes(long pages) => _metadata.ReservedBytes + ((nuint)pages * (nuint)_headerBytes / (nuint)_pages.Geometry.PagesPerArena);

    /// <summary>Bytes of huge blocks that count towards the limit: those that the program has, and those that are kept for reuse.</summary>
    public long HugeBytes => Volatile.Read(ref _hugeBytes);

    /// <summary>Bytes of the free huge blocks among those. They go before the limit refuses anything, so that they are room as well.</summary>
    public long KeptHugeBytes => Volatile.Read(ref _keptHugeBytes);

    public void AddKeptHugeBytes(long bytes) => Interlocked.Add(ref _keptHugeBytes, bytes);

    public void AddHugeBytes(long bytes) => Interlocked.Add(ref _hugeBytes, bytes);

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

        _ranges = null;
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

    private void EnterLimit()
    {
        if (_limitBytes != nuint.MaxValue)
        {
            _limitLock.Enter();
        }
    }

    private void ExitLimit()
    {
        if (_limitBytes != nuint.MaxValue)
        {
            _limitLock.Exit();
        }
    }

    // The newest ranges first: what an older one lacks was taken by others long ago.
    private bool TryExtend(int count, int alignment)
    {
        nuint least = (nuint)(count + alignment - 1) << PageGeometry.PageShift;
        ArenaRange* range = _shortRanges > 0 ? _ranges : null;
        for (int looked = 0; range != null && looked < MostRangesLookedAt; looked++, range = range->Next)
        {
            nint end = range->End;
            nuint more = _space.TryExtend(ref *range, least);
            if (more > 0)
            {
                nint arena = ArenaHeader.ArenaOf(range->First);
                Volatile.Write(ref ArenaHeader.Descriptor(arena)->End, range->End);
                _shortRanges -= IsShort(*range) ? 0 : 1;
                _reservedBytes += (long)more;
                _os.AdviseHugePages(end, more, _hugePages);
                _pages.ExtendArena(arena, (int)(more >> PageGeometry.PageShift));
                return true;
            }
        }

        return false;
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
        _shortRanges += IsShort(range) ? 1 : 0;
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
