using SpanHeap.Os;
using SpanHeap.Pages;

namespace SpanHeap.Spans;

/// <summary>Counts what a heap uses towards its limit, and takes pages only as far as the limit allows.</summary>
/// <remarks>
/// <para>
/// The rule: a heap counts what is resident once the program has touched all that it was given. These are the pages in use, among them
/// those that caches keep for reuse; the part of the arenas' headers that describes them; the bytes of huge blocks; for guarded blocks
/// the bytes that were asked for; the caches of threads and the central one, where the cache of a dead thread that has given its memory
/// back counts one page; and the records that were handed out by <see cref="MetadataAllocator"/>.
/// </para>
/// <para>
/// What is free does not count, because it goes back (at most a quarter of the limit stays for longer, see <see cref="PageRetention"/>): free pages; the records of arenas without pages in use, which serve the next arena;
/// address space. Memory that is not the heap's does not count either: managed objects, and tables of the process.
/// </para>
/// <para>
/// Guarded blocks count the bytes of those that live and none of their pages, so that a heap serves as many blocks as it would without
/// guards. All their pages together may be as much again as the limit, so that the heap takes twice the limit at most.
/// </para>
/// <para>Thread safe. The lock comes before that of the page heap.</para>
/// </remarks>
/// <param name="pages">The heap's pages.</param>
/// <param name="metadata">The heap's records.</param>
/// <param name="limitBytes">The limit; 0 for none.</param>
/// <param name="headerBytes">Bytes of an arena's header.</param>
internal sealed class HeapLimit(PageHeap pages, MetadataAllocator metadata, nuint limitBytes, nint headerBytes)
{
    private const nuint ShareForBlocks = 8;

    private readonly nuint _limitBytes = limitBytes == 0 ? nuint.MaxValue : limitBytes;

    // Bytes of huge blocks, of those among them that are kept for reuse, and of thread caches. Interlocked.
    private long _hugeBytes;
    private long _keptHugeBytes;
    private long _cacheBytes;

    // Interlocked, and under the lock where both change with the page heap.
    private long _guardedPages;
    private long _guardedBytes;

    // Held between looking at the limit and taking what it allows; a heap without a limit does without.
    private NativeLock _lock = new(LockRank.MemoryLimit);

    /// <summary>Bytes of records that count: those outside of arenas, and the part of the arenas' headers that describes pages in use.</summary>
    public nuint MetadataBytes => RecordBytes(pages.PagesInUse);

    /// <summary>Bytes that count towards the heap's limit.</summary>
    public nuint BytesInUse
    {
        get
        {
            // The counts are read one after the other, so that a difference may be less than zero for a moment while a block goes, or moves.
            long unguarded = Math.Max(0, pages.PagesInUse - GuardedPages);
            long guarded = Math.Max(0, GuardedBytes);
            return ((nuint)unguarded << PageGeometry.PageShift) + RecordBytes(unguarded) + (nuint)HugeBytes + (nuint)guarded;
        }
    }

    /// <summary>Bytes of huge blocks that the program has, or that are kept for reuse.</summary>
    public long HugeBytes => Volatile.Read(ref _hugeBytes);

    /// <summary>Bytes of free huge blocks that are kept for reuse. They go before the limit refuses anything, so that they are room as well.</summary>
    public long KeptHugeBytes => Volatile.Read(ref _keptHugeBytes);

    /// <summary>Adds to <see cref="KeptHugeBytes"/>, or takes from it.</summary>
    public void AddKeptHugeBytes(long bytes) => Add(ref _keptHugeBytes, bytes);

    /// <summary>Bytes that the heap may use at most; <see cref="nuint.MaxValue"/> without a limit.</summary>
    public nuint LimitBytes => _limitBytes;

    /// <summary>Determines whether so many more pages stay within the heap's limit, if no other thread takes them first.</summary>
    public bool IsWithinLimit(int morePages) => IsWithinLimit(PageMath.BytesOf(morePages));

    /// <summary>Determines whether so many more bytes stay within the heap's limit.</summary>
    public bool IsWithinLimit(nuint moreBytes)
    {
        if (_limitBytes == nuint.MaxValue)
        {
            return true;
        }

        nuint used = BytesInUse;
        return used <= _limitBytes && moreBytes <= _limitBytes - used;
    }

    /// <summary>Charges bytes of huge blocks if the limit allows. A caller that then gets no memory takes the charge back.</summary>
    public bool TryAddHugeBytes(nuint bytes) => TryCharge(ref _hugeBytes, bytes);

    /// <summary>Adds to <see cref="HugeBytes"/> whatever the limit, or takes from it.</summary>
    public void AddHugeBytes(long bytes) => Add(ref _hugeBytes, bytes);

    /// <summary>Bytes that the caches of threads and the central one count.</summary>
    public long CacheBytes => Volatile.Read(ref _cacheBytes);

    /// <summary>Determines whether <see cref="TryAddCacheBytes"/> would charge so many bytes, if no other thread takes them first.</summary>
    public bool HasRoomForCache(nuint bytes) =>
        IsWithinLimit(bytes) && (_limitBytes == nuint.MaxValue || (nuint)CacheBytes + bytes <= _limitBytes - (_limitBytes / ShareForBlocks));

    /// <summary>
    /// Charges the cache of a thread if the limit allows, and leaves an eighth of the limit for blocks: otherwise as many threads as come at once could
    /// fill a small heap with their caches, and all of them would be refused their first block.
    /// </summary>
    public bool TryAddCacheBytes(nuint bytes)
    {
        EnterLimit();
        bool within = HasRoomForCache(bytes);
        if (within)
        {
            Interlocked.Add(ref _cacheBytes, (long)bytes);
        }

        ExitLimit();
        return within;
    }

    /// <summary>Charges, or no longer charges, the caches of threads.</summary>
    public void AddCacheBytes(long bytes) => Add(ref _cacheBytes, bytes);

    /// <summary>Takes pages if the limit allows. Looking at the limit and taking the pages are one step for all threads.</summary>
    /// <returns>What stood against it. Only after <see cref="PageRefusal.NoRun"/> does it help to grow the heap (<see cref="ArenaSource.TryGrow"/>).</returns>
    public PageRefusal TryAllocate(int count, int alignment, int room, out PageRun run, int kind = 0)
    {
        run = default;
        EnterLimit();
        PageRefusal refusal = !IsWithinLimit(count) ? PageRefusal.Limit
            : !pages.TryAllocate(count, alignment, room, out run, kind) ? PageRefusal.NoRun
            : PageRefusal.None;
        ExitLimit();
        return refusal;
    }

    /// <summary>Takes the pages right after a run if they are free and the limit allows.</summary>
    public bool TryExtend(nint end, int count, in RunChange change)
    {
        EnterLimit();
        bool taken = IsWithinLimit(count) && pages.TryExtend(end, count, out _, change);
        ExitLimit();
        return taken;
    }

    /// <summary>Pages in use for guarded blocks, live or in quarantine.</summary>
    public long GuardedPages => Volatile.Read(ref _guardedPages);

    /// <summary>Bytes that guarded blocks count while they live.</summary>
    public long GuardedBytes => Volatile.Read(ref _guardedBytes);

    /// <summary>Determines whether guarded blocks may have so many more pages.</summary>
    public bool HasRoomForGuarded(int morePages) =>
        _limitBytes == nuint.MaxValue || (nuint)(GuardedPages + morePages) << PageGeometry.PageShift <= _limitBytes;

    /// <summary>Takes pages for a guarded block, which counts so many bytes however many pages it takes.</summary>
    public PageRefusal TryAllocateGuarded(int count, int alignment, nuint bytes, out PageRun run, int kind = SpanSource.GuardedRuns)
    {
        run = default;
        EnterLimit();
        PageRefusal refusal = !IsWithinLimit(bytes) ? PageRefusal.Limit
            : !HasRoomForGuarded(count) ? PageRefusal.Guards
            : !pages.TryAllocate(count, alignment, room: 0, out run, kind) ? PageRefusal.NoRun
            : PageRefusal.None;
        if (refusal == PageRefusal.None)
        {
            Interlocked.Add(ref _guardedPages, count);
            CountGuarded((long)bytes);
        }

        ExitLimit();
        return refusal;
    }

    /// <summary>Gives back the pages of a guarded block that counts no bytes any more.</summary>
    public void FreeGuarded(nint address, int count)
    {
        EnterLimit();
        pages.Free(address, count, SpanSource.GuardedRuns);
        Interlocked.Add(ref _guardedPages, -count);
        ExitLimit();
    }

    /// <summary>Charges a guarded block that has no pages, if the limit allows.</summary>
    public bool TryChargeGuarded(nuint bytes)
    {
        EnterLimit();
        bool within = IsWithinLimit(bytes);
        CountGuarded(within ? (long)bytes : 0);
        ExitLimit();
        return within;
    }

    /// <summary>Adds to the bytes that guarded blocks count, or takes from them.</summary>
    public void CountGuarded(long bytes) => Interlocked.Add(ref _guardedBytes, bytes);

    private static void Add(ref long account, long bytes)
    {
        long sum = Interlocked.Add(ref account, bytes);
        Invariant.Assert(sum >= 0, "No more is taken back than was charged.");
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

    private nuint RecordBytes(long pageCount)
    {
        nuint headers = (nuint)pageCount * (nuint)headerBytes / (nuint)pages.Geometry.PagesPerArena;
        long records = Math.Max(0, (long)metadata.UsedBytes - pages.IdleRecordBytes);
        return headers + (nuint)records + (nuint)CacheBytes;
    }

    private void EnterLimit()
    {
        if (_limitBytes != nuint.MaxValue)
        {
            _lock.Enter();
        }
    }

    private void ExitLimit()
    {
        if (_limitBytes != nuint.MaxValue)
        {
            _lock.Exit();
        }
    }
}
