using SpanHeap.Caches;
using SpanHeap.Layouts;
using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Spans;
using SpanHeap.Sweeping;

namespace SpanHeap.Tracing;

/// <summary>The traced part of a heap: its parts put together, and the slow paths of allocation.</summary>
/// <remarks>Thread safe. Allocating and entering never wait for a collection longer than the gate's patience.</remarks>
internal sealed unsafe partial class TracedHeap : IDisposable
{
    // Slots taken by a cache before the heap hears of them: what the heap may be wrong by, for each thread and kind.
    private const long BytesPerReport = 32 * 1024;

    // Spans that a large block sweeps at most for each of its pages, in search of some that come back: a few microseconds a page, less
    // than clearing it takes.
    private const long SpansPerLargePage = 8;

    private readonly HeapCore _core;
    private readonly TracedSpanSource _spans;
    private readonly TracedRefill _refill;

    static TracedHeap() => GarbageRelief.SetExceptions(&MustNotWait);

    public TracedHeap(HeapCore core, TracingOptions options)
    {
        _core = core;
        IsChecked = core.HasFullChecks;
        _spans = new TracedSpanSource(core.Pages, core.Arenas, core.Metadata, core.Guard);
        Statistics = new SweepStatistics();
        DeadBlockPoison poison = new(core.HasFullChecks);
        SpanSweeper spanSweeper = new(_spans, poison);
        Sweeper = new Sweeper(_spans, spanSweeper, Statistics);
        _refill = new TracedRefill(_spans, Sweeper, poison, core.Sampler);
        Caches = new TracedCaches(core.Registry, core.Metadata, core.Sampler);
        Gate = new Gate(Caches);
        Roots = new RootTable(core.Metadata, core.Os);
        WeakHandles = new WeakTable(core.Metadata, core.Os);
        CleanUps = new CleanUpTable();
        CleanUpQueue = new CleanUpQueue(CleanUps.Counts);
        Collectables = new CollectableBlocks(this);
        Pacer = new Pacer(Sweeper, Statistics, _spans, new MemoryRoom(core.Arenas, _spans, options.SoftLimitBytes), options);
        Checks = new TracedChecks(this, core.HasFullChecks, core.Options.TracedCheckmark);
        Collector = new Collector(this, core, options);
        EntryStacks = new EntryStacks(core.HasFullChecks);
        CheckedYields = new CheckedYields(core.HasFullChecks, Pacer);
        Idle = options.IdleDelay != Timeout.InfiniteTimeSpan && !options.ByHand ? new IdleCollection(this, options.IdleDelay) : null;
        HeapNames.Add(Serial, Name);
        if (IsChecked)
        {
            CheckedHeaps.Add(this);
        }
    }

    /// <summary>Whether references and stores are checked.</summary>
    public bool IsChecked { get; }

    public string Name => _core.Name;

    public ulong Serial => _core.Serial;

    public HeapCore Core => _core;

    public Sweeper Sweeper { get; }

    public SweepStatistics Statistics { get; }

    public TracedSpanSource Spans => _spans;

    public TracedCaches Caches { get; }

    public Gate Gate { get; }

    public RootTable Roots { get; }

    public WeakTable WeakHandles { get; }

    /// <summary>Clean-ups of blocks that live.</summary>
    public CleanUpTable CleanUps { get; }

    /// <summary>Clean-ups of blocks that have died.</summary>
    public CleanUpQueue CleanUpQueue { get; }

    public CollectableBlocks Collectables { get; }

    public Pacer Pacer { get; }

    public Collector Collector { get; }

    public TracedChecks Checks { get; }

    /// <summary>Collects when the heap is left alone; null where that is not wanted.</summary>
    public IdleCollection? Idle { get; }

    /// <summary>Where scopes were entered, with full checks.</summary>
    public EntryStacks EntryStacks { get; }

    public CheckedYields CheckedYields { get; }

    /// <summary>Called, without any lock, when a due collection was held up; set when the heap is made.</summary>
    public Action<CollectionHeldUpEventArgs>? OnHeldUp { get; set; }

    /// <summary>A slot for a block of a kind of shared spans; its bytes are what they were. In a scope.</summary>
    /// <exception cref="OutOfMemoryException">There is no memory, or the heap is at its limit.</exception>
    public nint Allocate(TracedCache* cache, uint kind)
    {
        bool relieved = false;
        nint block;
        if (!CursorBlock.TryMake(cache, kind, _core.Metadata))
        {
            ThrowHelper.OutOfMemory(Name, CursorBlock.Bytes, _core.Options.MemoryLimit);
        }

        while ((block = TracedCache.TryTake(cache, kind)) == 0)
        {
            if (cache->BytesTaken >= BytesPerReport)
            {
                Report(cache);
            }

            if (!_refill.TryRefill(cache, kind, Sweeper.Generation, out PageRefusal refusal))
            {
                ref readonly SizeClassInfo info = ref SizeClasses.Info(TracedKinds.Info(kind)->SizeClass);
                MakeRoom(info.Pages, (nuint)info.Size, refusal, ref relieved);
            }
        }

        return block;
    }

    /// <summary>A block that is a span of its own, zeroed. In a scope.</summary>
    /// <exception cref="OutOfMemoryException">There is no memory, or the heap is at its limit, or the block is larger than an arena holds.</exception>
    public nint AllocateLarge(TracedCache* cache, uint kind, nuint byteCount)
    {
        nuint pages = PageGeometry.PagesFor(byteCount);
        if (!_core.Pages.Geometry.Fits(pages, 1))
        {
            ThrowHelper.OutOfMemory(
                $"A traced block of {byteCount} bytes is larger than the {(long)_core.Pages.Geometry.MaxRun << PageGeometry.PageShift} that the heap '{Name}' can hold in one.");
        }

        int count = _spans.LargePages((int)pages);

        // Pages that are to be swept come before pages that are new; but nobody waits for all of the heap's.
        Sweeper.Reclaim((long)pages, SpansPerLargePage * (long)pages);
        bool relieved = false;
        uint generation = Sweeper.Generation;
        bool guarded = _refill.IsLargeInSample(cache);
        TracedSpan* span;
        bool needsZero;
        while ((span = _spans.TryCreate(kind, count, generation, guarded, out needsZero, out PageRefusal refusal)) == null)
        {
            // A sample's that cannot be had becomes one as the others.
            if (!guarded)
            {
                MakeRoom(count, (nuint)count << PageGeometry.PageShift, refusal, ref relieved);
            }

            guarded = false;
        }

        nint block = span->Span.Base;
        if (needsZero)
        {
            MemoryClearing.Clear(_core.Os, (void*)block, (nuint)span->Span.Pages << PageGeometry.PageShift);
        }

        *TracedBits.WordOf(block, SweepGeneration.AllocPlane(generation)) |= TracedBits.BitOf(block);
        span->Allocated = 1;
        cache->BytesTaken += (long)span->Span.SlotSize;
        _spans.SetOf(kind)->AddSwept(span, generation);
        Report(cache);
        return block;
    }

    /// <summary>Takes back what a cache has. By its thread in a scope, or by the collector while no thread is in one.</summary>
    public void Flush(TracedCache* cache) => _refill.Flush(cache, Sweeper.Generation);

    /// <summary>Gives memory of records back that nothing needs.</summary>
    public void Trim()
    {
        Roots.Trim();
        WeakHandles.Trim();
    }

    /// <summary>Frees nothing of its own. No thread may be using the heap.</summary>
    public void Dispose()
    {
        // First what comes by itself: nobody else may be using the heap.
        Idle?.Dispose();
        // Then clean-ups, as the one that is running may still use all the rest.
        CleanUpQueue.Dispose();
        CleanUps.DropAll();
        CheckedHeaps.Remove(this);
        HeapNames.Remove(Serial);
        Roots.Close();
        WeakHandles.Close();
        Collector.Dispose();
        Gate.Dispose();
    }

    private void Report(TracedCache* cache)
    {
        long bytes = cache->BytesTaken;
        cache->BytesTaken = 0;
        Pacer.NoteTaken(bytes);
    }

    // A finalizer may collect traced memory: that waits for the thread's scope, and while it marks everybody waits for it.
    private static bool MustNotWait(ThreadCache* cache) =>
        CustomTracing.IsRunning || (cache->Traced != 0 && Volatile.Read(ref TracedCaches.Of(cache)->Depth) > 0);

    // Pages are lacking: more arenas, else what can be swept, else what lies idle in caches.
    private void MakeRoom(int pages, nuint slotSize, PageRefusal refusal, ref bool relieved)
    {
        if (refusal == PageRefusal.NoRun && _spans.TryGrow(pages))
        {
            return;
        }

        // Nothing else is left: as far as it takes. Who is still sweeping may be about to give back the pages that are lacking.
        if (Sweeper.Reclaim(pages, long.MaxValue) > 0 || Sweeper.WaitForOthers())
        {
            return;
        }

        if (!relieved)
        {
            relieved = true;
            _core.Trim();
            if (_spans.IsWithinLimit(pages, slotSize))
            {
                _core.Guard?.RetireFor((nuint)pages << PageGeometry.PageShift);
            }

            return;
        }

        Pacer.NoteRefused();
        ThrowHelper.OutOfMemory(
            $"The heap '{Name}' has no room for {(long)pages << PageGeometry.PageShift} bytes within the scope of thread {Environment.CurrentManagedThreadId}: " +
            "what has died since it began can only be collected after it ends, or in Yield().");
    }
}
