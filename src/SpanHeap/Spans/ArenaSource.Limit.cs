using SpanHeap.Os;
using SpanHeap.Pages;

namespace SpanHeap.Spans;

/// <summary>What counts towards a heap's limit, and the requests that are charged.</summary>
/// <remarks>
/// <para>
/// The rule: a heap counts what is resident once the program has touched all that it was given. These are the pages in use, those that
/// caches keep for reuse among them; the part of the arenas' headers that describes them; the bytes of huge blocks; of guarded blocks
/// the bytes that were asked for; the caches of threads and the central one, of those of dead threads that have given their memory back
/// a page; and the records that were handed out by <see cref="MetadataAllocator"/>.
/// </para>
/// <para>
/// What is free does not count, because it goes back: free pages; the records of arenas without pages in use, which serve the next arena;
/// address space. Nor does what is not the heap's: managed objects, and tables of the process.
/// </para>
/// </remarks>
internal sealed unsafe partial class ArenaSource
{
    private readonly nuint _limitBytes;

    // Bytes of huge blocks, of those among them that are kept for reuse, and of thread caches. Interlocked.
    private long _hugeBytes;
    private long _keptHugeBytes;
    private long _cacheBytes;

    // Held between looking at the limit and taking what it allows; a heap without a limit does without.
    private NativeLock _limitLock;

    /// <summary>Bytes of records: those elsewhere, and the part of the arenas' headers that describes pages in use.</summary>
    public nuint MetadataBytes => RecordBytes(_pages.PagesInUse);

    /// <summary>What counts towards the heap's limit.</summary>
    public nuint BytesInUse
    {
        get
        {
            // Read one after the other: less than zero for a moment while a block goes, or moves.
            long pages = Math.Max(0, _pages.PagesInUse - GuardedPages);
            long guarded = Math.Max(0, GuardedBytes);
            return ((nuint)pages << PageGeometry.PageShift) + RecordBytes(pages) + (nuint)HugeBytes + (nuint)guarded;
        }
    }

    /// <summary>Bytes of huge blocks that count towards the limit: those that the program has, and those that are kept for reuse.</summary>
    public long HugeBytes => Volatile.Read(ref _hugeBytes);

    /// <summary>Bytes of the free huge blocks among those. They go before the limit refuses anything, so that they are room as well.</summary>
    public long KeptHugeBytes => Volatile.Read(ref _keptHugeBytes);

    public void AddKeptHugeBytes(long bytes) => Interlocked.Add(ref _keptHugeBytes, bytes);

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
    public bool TryAddHugeBytes(nuint bytes) => TryCharge(ref _hugeBytes, bytes);

    public void AddHugeBytes(long bytes) => Interlocked.Add(ref _hugeBytes, bytes);

    /// <summary>Bytes of thread caches that count towards the limit.</summary>
    public long CacheBytes => Volatile.Read(ref _cacheBytes);

    /// <summary>Charges the cache of a thread if the limit allows.</summary>
    public bool TryAddCacheBytes(nuint bytes) => TryCharge(ref _cacheBytes, bytes);

    /// <summary>Charges, or no longer charges, the caches of threads.</summary>
    public void AddCacheBytes(long bytes) => Interlocked.Add(ref _cacheBytes, bytes);

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

    private bool TryCharge(ref long account, nuint bytes)
    {
        EnterLimit();
        bool within = IsWithinLimit(bytes);
        if (within)
        {
            Interlocked.Add(ref account, (long)bytes);
        }

        ExitLimit();
        return within;
    }

    private nuint RecordBytes(long pages)
    {
        nuint headers = (nuint)pages * (nuint)_headerBytes / (nuint)_pages.Geometry.PagesPerArena;
        long records = Math.Max(0, (long)_metadata.UsedBytes - _pages.IdleRecordBytes);
        return headers + (nuint)records + (nuint)CacheBytes;
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
}
