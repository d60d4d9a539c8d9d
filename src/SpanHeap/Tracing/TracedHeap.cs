using SpanHeap.Caches;
using SpanHeap.Layouts;
using SpanHeap.Pages;
using SpanHeap.Spans;
using SpanHeap.Sweeping;

namespace SpanHeap.Tracing;

/// <summary>The traced part of a heap: its parts put together, and the slow paths of scopes and allocation.</summary>
/// <remarks>Thread safe. Allocating and entering never wait for a collection longer than the gate's patience.</remarks>
internal sealed unsafe class TracedHeap : IDisposable
{
    // Slots taken by a cache before the heap hears of them: what the heap may be wrong by, for each thread and kind.
    private const long BytesPerReport = 32 * 1024;

    // Spans that a large block sweeps at most for each of its pages, in search of some that come back: a few microseconds a page, less
    // than clearing it takes.
    private const long SpansPerLargePage = 8;

    private readonly HeapCore _core;
    private readonly TracedSpanSource _spans;
    private readonly TracedRefill _refill;

    public TracedHeap(HeapCore core, TracingOptions options)
    {
        _core = core;
        IsChecked = core.HasFullChecks;
        _spans = new TracedSpanSource(core.Pages, core.Arenas, core.Metadata);
        Statistics = new SweepStatistics();
        DeadBlockPoison poison = new(core.HasFullChecks);
        SpanSweeper spanSweeper = new(_spans, Statistics, poison);
        Sweeper = new Sweeper(_spans, spanSweeper);
        _refill = new TracedRefill(_spans, Sweeper, spanSweeper, poison);
        Caches = new TracedCaches(core.Registry, core.Metadata);
        Gate = new Gate(Caches);
        Roots = new RootTable(core.Metadata);
        Pacer = new Pacer(Sweeper, Statistics, _spans, options);
        Checks = new TracedChecks(this, core.HasFullChecks, core.Options.TracedCheckmark);
        Collector = new Collector(this, core, options);
        EntryStacks = new EntryStacks(core.HasFullChecks);
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

    public Pacer Pacer { get; }

    public Collector Collector { get; }

    public TracedChecks Checks { get; }

    /// <summary>Where scopes were entered, with full checks.</summary>
    public EntryStacks EntryStacks { get; }

    /// <summary>Called, without any lock, when a due collection was held up; set when the heap is made.</summary>
    public Action<CollectionHeldUpEventArgs>? OnHeldUp { get; set; }

    /// <summary>Begins a scope of the calling thread.</summary>
    /// <exception cref="OutOfMemoryException">There is no memory for the thread's records.</exception>
    public TracedCache* Enter()
    {
        ThreadCache* own = _core.FindOwnCache();
        TracedCache* cache = own != ThreadCache.None ? TracedCaches.Of(own) : null;
        cache = cache != null ? cache : Attach();
        if (cache->Depth == 0)
        {
            EnterOutermost(cache);
            cache->Epoch = ++cache->LastEpoch;
        }
        else
        {
            cache->Depth++;
        }

        return cache;
    }

    /// <summary>Lets a collection pass: the calling thread's scope ends and begins again, as the same scope.</summary>
    /// <exception cref="InvalidOperationException">It is not the thread's only scope; nothing has changed.</exception>
    public void Yield(TracedCache* cache, ulong epoch)
    {
        if (cache->Depth != 1)
        {
            throw new InvalidOperationException(cache->Depth == 0
                ? "The scope has ended."
                : $"The thread has {cache->Depth} scopes of the heap '{Name}' open. Only the outermost can yield, and only while it is alone: the others' references must stay good.");
        }

        Gate.Exit(cache, 1);
        try
        {
            EnterOutermost(cache);

            // Handlers that were called meanwhile may have had scopes of their own.
            cache->Epoch = epoch;
        }
        catch
        {
            cache->Epoch = cache->FailedEpoch = epoch;
            throw;
        }
    }

    /// <summary>Whether a scope ended because its Yield failed, on the calling thread.</summary>
    public bool IsOverByYield(TracedCache* cache, ulong epoch)
    {
        ThreadCache* own = _core.FindOwnCache();
        return own != ThreadCache.None && TracedCaches.Of(own) == cache && cache->FailedEpoch == epoch;
    }

    /// <summary>A slot for a block of a kind of shared spans; its bytes are what they were. In a scope.</summary>
    /// <exception cref="OutOfMemoryException">There is no memory, or the heap is at its limit.</exception>
    public nint Allocate(TracedCache* cache, uint kind)
    {
        bool relieved = false;
        nint block;
        while ((block = TracedCache.TryTake(cache, kind)) == 0)
        {
            if (cache->BytesTaken >= BytesPerReport)
            {
                Report(cache);
            }

            if (!_refill.TryRefill(cache, kind, Sweeper.Generation))
            {
                MakeRoom(SizeClasses.Info(TracedKinds.Info(kind)->SizeClass).Pages, ref relieved);
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

        // Pages that are to be swept come before pages that are new; but nobody waits for all of the heap's.
        Sweeper.Reclaim((long)pages, SpansPerLargePage * (long)pages);
        bool relieved = false;
        uint generation = Sweeper.Generation;
        TracedSpan* span;
        bool needsZero;
        while ((span = _spans.TryCreate(kind, (int)pages, generation, out needsZero)) == null)
        {
            MakeRoom((int)pages, ref relieved);
        }

        nint block = span->Span.Base;
        if (needsZero)
        {
            System.Runtime.InteropServices.NativeMemory.Clear((void*)block, pages << PageGeometry.PageShift);
        }

        *TracedBits.WordOf(block, SweepGeneration.AllocPlane(generation)) |= TracedBits.BitOf(block);
        span->Allocated = 1;
        cache->BytesTaken += (long)(pages << PageGeometry.PageShift);
        Report(cache);
        _spans.SetOf(kind)->AddSwept(span, generation);
        return block;
    }

    /// <summary>With full checks: a scope must be open, and of the calling thread.</summary>
    public void RequireOpen(TracedCache* cache, ulong epoch, int depth)
    {
        ThreadCache* own = _core.FindOwnCache();
        if (own == ThreadCache.None || TracedCaches.Of(own) != cache || cache->Depth < depth || cache->Epoch != epoch)
        {
            throw new InvalidOperationException("The scope has ended, or is another thread's.");
        }
    }

    /// <summary>With full checks: what is stored must be nothing, or a block of this heap.</summary>
    public void RequireBlock(nint address)
    {
        if (address != 0 && !TracedLookup.IsBlock(address, Serial, SweepGeneration.AllocPlane(Sweeper.Generation)))
        {
            throw new HeapCorruptionException($"0x{address:x} is stored as a reference and is no traced block of the heap '{Name}'.", address, null);
        }
    }

    /// <summary>The calling thread must be in no scope.</summary>
    public void RequireOutside()
    {
        ThreadCache* own = _core.FindOwnCache();
        TracedCache* cache = own != ThreadCache.None ? TracedCaches.Of(own) : null;
        if (cache != null && cache->Depth != 0)
        {
            throw new InvalidOperationException("The calling thread is in a scope: its references would end. Collect outside, or let a collection pass by Yield().");
        }

        RequireNotTracing();
    }

    /// <summary>No thread may be in a scope.</summary>
    public void RequireNoScope()
    {
        // What a thread stored last must be seen.
        Interlocked.MemoryBarrierProcessWide();
        TracedCache* open = Caches.FindInScope();
        if (open != null)
        {
            throw new InvalidOperationException(ScopeWatchdog.DescribeOpen(this, open));
        }
    }

    /// <summary>Takes back what a cache has. By its thread in a scope, or by the collector while no thread is in one.</summary>
    public void Flush(TracedCache* cache) => _refill.Flush(cache, Sweeper.Generation);

    /// <summary>Frees nothing of its own. No thread may be using the heap.</summary>
    public void Dispose()
    {
        Roots.Close();
        Collector.Dispose();
        Gate.Dispose();
    }

    private void EnterOutermost(TracedCache* cache)
    {
        if (Gate.IsClosed || Pacer.IsDue)
        {
            RequireNotTracing();
        }

        if (Pacer.IsDue)
        {
            Collector.TryCollectDue();
        }

        Gate.Enter(cache);
        try
        {
            if (cache->Generation != Sweeper.Generation)
            {
                Renew(cache);
            }

            EntryStacks.Note(cache);
        }
        catch
        {
            // No scope will be there to end.
            Gate.Exit(cache, 1);
            throw;
        }

        InterleavingPoints.At(InterleavingPoint.ScopeEntered);
    }

    // The collection would wait for the function, and the function for the collection.
    private void RequireNotTracing()
    {
        if (CustomTracing.IsOf(Serial))
        {
            throw new InvalidOperationException($"A trace function was called by a collection of the heap '{Name}': it can neither enter a scope there nor collect.");
        }
    }

    private void Renew(TracedCache* cache)
    {
        if (cache->Generation == TracedCache.NeverUsed)
        {
            cache->Generation = Sweeper.Generation;
            return;
        }

        Flush(cache);
    }

    private TracedCache* Attach()
    {
        ThreadCache* own = _core.Attach();
        TracedCache* cache = Caches.TryAttach(own);
        if (cache == null)
        {
            ThrowHelper.OutOfMemory(Name, TracedCache.Size, _core.Options.MemoryLimit);
        }

        return cache;
    }

    private void Report(TracedCache* cache)
    {
        long bytes = cache->BytesTaken;
        cache->BytesTaken = 0;
        Pacer.NoteTaken(bytes);
    }

    // Pages are lacking: more arenas, else what can be swept, else what lies idle in caches.
    private void MakeRoom(int pages, ref bool relieved)
    {
        if (_spans.TryGrow(pages))
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
            return;
        }

        Pacer.RequestCycle();
        ThrowHelper.OutOfMemory(
            $"The heap '{Name}' has no room for {(long)pages << PageGeometry.PageShift} bytes within the scope of thread {Environment.CurrentManagedThreadId}: " +
            "what has died since it began can only be collected after it ends, or in Yield().");
    }
}
