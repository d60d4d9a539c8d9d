using System.Runtime.CompilerServices;
using SpanHeap.Caches;
using SpanHeap.Heap;
using SpanHeap.Traced.Checks;
using SpanHeap.Traced.CleanUps;
using SpanHeap.Traced.Collecting;
using SpanHeap.Traced.Contract;
using SpanHeap.Traced.Gating;
using SpanHeap.Traced.Marking;
using SpanHeap.Traced.Pacing;
using SpanHeap.Traced.Roots;
using SpanHeap.Traced.Scopes;
using SpanHeap.Traced.Spans;
using SpanHeap.Traced.Sweeping;

namespace SpanHeap.Traced;

/// <summary>Puts the parts of a heap's traced memory together. The public types find the part that they need here; no part knows this type.</summary>
internal sealed unsafe class TracedParts : IDisposable
{
    private readonly BackgroundSweeper _background;

    // Null without minor collections.
    private readonly CardTable? _cards;

    // Whether the barrier is in the list of the process. Changed while the gate is closed.
    private bool _isListed;

    static TracedParts() => GarbageRelief.SetExceptions(&MustNotWait);

    public TracedParts(HeapCore core, TracingOptions options, bool verifiesMarking, bool auditsStores)
    {
        Core = core;
        IsChecked = core.HasFullChecks;
        Heap = new HeapIdentity(core.Name, core.Serial, core.Options.MemoryLimit);
        StoreAudit? audit = auditsStores ? new StoreAudit(Heap) : null;
        _cards = options.HasMinors ? MakeCards() : null;

        // Spans, and how they are swept.
        Spans = new TracedSpanSource(core.Pages, core.Arenas, core.Limit, core.Metadata, core.Guard);
        DeadBlockPoison poison = new(IsChecked);
        core.KeptSpans = Quarantine = MakeQuarantine(options.SoftLimitBytes);
        Sweeper = new Sweeper(Spans, new SpanSweeper(Spans, poison, Quarantine, options.HasMinors), Quarantine, Statistics);
        AllocationColor color = new();
        CachedSpans cached = new(Spans, Sweeper);
        WatchesEscapes = options.FreesAtScopeEnd && !IsChecked && core.Guard == null;
        Nursery = new Nursery(Spans, cached, color, WatchesEscapes, options.MinimumBytes);
        TracedRefill refill = new(Spans, Sweeper, cached, poison, color, Nursery, core.Sampler);
        Pacer = new Pacer(Sweeper, Statistics, Spans, new MemoryRoom(core.Limit, Spans, options.SoftLimitBytes), options);

        // Threads, and what they hold.
        Caches = new TracedCaches(core);
        Gate = new Gate(Caches);
        EntryStacks entryStacks = new(IsChecked);
        ScopeWatchdog watchdog = new(Heap, entryStacks);
        Roots = new RootTable(core.Metadata, core.Os);
        WeakHandles = new WeakTable(core.Metadata, core.Os);
        CleanUpQueue = new CleanUpQueue(CleanUps.Counts);

        // What checks look at.
        Records = new TracedRecords(Heap, core.Pages, core.Guard, Spans, Sweeper, Caches, Roots, WeakHandles, CleanUps, Quarantine, core.Os);
        ScopeChecks = new ScopeChecks(Heap, Caches, Sweeper);
        Checks = new TracedChecks(Records, Pacer, IsChecked, verifiesMarking, audit);
        Team = new MarkTeam(Roots, core.Pages, core.Os, core.Metadata, options.MarkThreads);
        Shading = new Shading(Team.Queue);
        Assists = new MarkAssists(Team.Queue, Team.Weak, Pacer, options.MarkThreads - 1);
        Barrier = new StoreBarrier(Heap, IsChecked ? ScopeChecks : null, audit, _cards, WatchesEscapes, Shading, Team.Weak, WeakHandles);

        // Collections.
        Flush = new CacheFlush(Caches, refill, Sweeper);
        Old = new OldBlocks(core.Pages, _cards);
        ConcurrentMarking concurrent = new(Roots, Team, Assists, Shading, new UnusedSlots(Caches, Pacer), color, Pacer.Pace) { OnChange = NoteShading };
        Marking = new MarkPhase(Team, concurrent, Old, new CollectableBlocks(Heap, Spans, Sweeper, Quarantine), Checks, WeakHandles, CleanUps, CleanUpQueue, Sweeper, Pacer);
        _background = new BackgroundSweeper(Sweeper);
        CollectionTurn turn = Turn = new(Gate, Caches, watchdog, new GatePatience(options.Patience, options.LongestPatience));
        Cycle = new CollectionCycle(Heap, Gate, Caches, Flush, Sweeper, Marking, Pacer, new MinorChoice(options), _background, CleanUpQueue, Quarantine, core.Frees, options);
        HeldUpReports heldUp = new(turn, watchdog, Pacer);
        ConcurrentCycle course = new(turn, Cycle, Marking, Gate, Pacer, Spans, heldUp);
        Concurrent = options.IsConcurrent ? new ConcurrentCollection(turn, course, Pacer, Sweeper, Spans, _background) : null;
        Collector = new Collector(turn, Cycle, Concurrent, Gate, Pacer, Sweeper, Spans, watchdog, heldUp, _background);
        Sessions = new MarkSessions(turn, Cycle, Marking, _background);
        Idle = options.IdleDelay != Timeout.InfiniteTimeSpan && !options.ByHand ? new IdleCollection(Collector, options.IdleDelay) : null;
        Snapshot = new TracedSnapshot(Pacer, Collector, Spans, Caches, Roots, WeakHandles, CleanUps.Counts, CleanUpQueue, Statistics);

        // What scopes call.
        Allocator = new TracedAllocator(core, Heap, Spans, refill, color, Nursery, Sweeper, Pacer, Assists, Idle);
        Entry = new ScopeEntry(Heap, Caches, Gate, turn, Collector, Pacer, Sweeper, refill, Nursery, Allocator, core.Metadata, entryStacks, new CheckedYields(IsChecked, Pacer));
        End = new HeapEnd(Heap, Entry, turn, Caches, CleanUpQueue, watchdog);
        AddToLists();
    }

    /// <summary>Whether references and stores are checked.</summary>
    public bool IsChecked { get; }

    /// <summary>Whether collections may be minor, so that old blocks stay marked.</summary>
    public bool HasMinors => _cards != null;

    /// <summary>Whether references to blocks of nurseries are looked for.</summary>
    public bool WatchesEscapes { get; }

    /// <summary>Frees at the end of a scope what has not escaped from it.</summary>
    public Nursery Nursery { get; }

    /// <summary>What each store of a reference has to do. It changes only while no thread is in a scope.</summary>
    public StoreAttention Attention { get; private set; }

    /// <summary>What happens before a reference is stored.</summary>
    public StoreBarrier Barrier { get; }

    /// <summary>The manual half, whose pages traced blocks share.</summary>
    public HeapCore Core { get; }

    public HeapIdentity Heap { get; }

    public ulong Serial => Heap.Serial;

    public TracedSpanSource Spans { get; }

    /// <summary>Spans in which blocks have died, out of use for a while; null without full checks.</summary>
    public DeadSpanQuarantine? Quarantine { get; }

    public SweepStatistics Statistics { get; } = new();

    public Sweeper Sweeper { get; }

    public Pacer Pacer { get; }

    public TracedCaches Caches { get; }

    public Gate Gate { get; }

    /// <summary>Takes back what caches hold.</summary>
    public CacheFlush Flush { get; }

    public RootTable Roots { get; }

    public WeakTable WeakHandles { get; }

    /// <summary>Clean-ups of blocks that live.</summary>
    public CleanUpTable CleanUps { get; } = new();

    /// <summary>Clean-ups of blocks that have died.</summary>
    public CleanUpQueue CleanUpQueue { get; }

    /// <summary>All records together, for inspecting the heap as a whole.</summary>
    public TracedRecords Records { get; }

    /// <summary>Checks scopes and what is used in them.</summary>
    public ScopeChecks ScopeChecks { get; }

    /// <summary>Checks before and after marking.</summary>
    public TracedChecks Checks { get; }

    public MarkTeam Team { get; }

    /// <summary>What threads do for a marker while they go on.</summary>
    public Shading Shading { get; }

    /// <summary>Marks on threads that make blocks faster than they are marked.</summary>
    public MarkAssists Assists { get; }

    /// <summary>Collects while threads go on; null where that is not wanted.</summary>
    public ConcurrentCollection? Concurrent { get; }

    /// <summary>The blocks that are marked between collections.</summary>
    public OldBlocks Old { get; }

    /// <summary>The part of a collection that marks.</summary>
    public MarkPhase Marking { get; }

    /// <summary>The course of a collection.</summary>
    public CollectionCycle Cycle { get; }

    /// <summary>The right to collect.</summary>
    public CollectionTurn Turn { get; }

    public Collector Collector { get; }

    public MarkSessions Sessions { get; }

    /// <summary>Collects when the heap is idle; null where that is not wanted.</summary>
    public IdleCollection? Idle { get; }

    public TracedSnapshot Snapshot { get; }

    public TracedAllocator Allocator { get; }

    public ScopeEntry Entry { get; }

    public HeapEnd End { get; }

    /// <summary>
    /// Called before a reference to a block is kept outside of blocks, or names the block without keeping it. The calling thread is in a scope.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void BeforeNaming(nint block)
    {
        if (WatchesEscapes)
        {
            EscapeWatch.Note(block);
        }
    }

    /// <summary>Called with each block that a weak handle gives, or an entry with a weak key that is enumerated. The calling thread is in a scope.</summary>
    /// <returns>The block; 0 if it is dead.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public nint Revive(nint block) => Attention.IsBarrier ? Barrier.Revive(block) : block;

    /// <summary>Walks all records. No thread may use the heap or sweep meanwhile.</summary>
    /// <exception cref="HeapCorruptionException">Something does not agree; the message has the facts.</exception>
    public void Verify()
    {
        // Sweeping keeps no marks of collectable blocks.
        long? oldBytes = Old.AreKnown && !Spans.NeedExactBits ? Old.Bytes : null;
        TracedVerifier.Verify(Records, Pacer.LiveBytes, IsChecked, HasMinors, oldBytes);
    }

    /// <summary>
    /// Waits until no collection marks while threads go on, before the heap is inspected as a whole. The caller ensures that none begins because of growth.
    /// </summary>
    /// <exception cref="InvalidOperationException">The calling thread is in a scope, and one is under way.</exception>
    /// <exception cref="TimeoutException">Another thread has kept its scope open all the time; the message names it.</exception>
    public void AwaitConcurrent()
    {
        TracedCache* own = Caches.FindOwn();
        if (own == null || own->Depth == 0)
        {
            Collector.AwaitEnd();
        }
        else if (Concurrent is { IsUnderWay: true })
        {
            throw new InvalidOperationException(
                $"The heap '{Heap.Name}' is being collected, which cannot end before the calling thread has left its scope. Inspect the heap outside of scopes.");
        }
    }

    /// <summary>Keeps idle collections from beginning, and waits for one that is running.</summary>
    /// <returns>The argument for <see cref="ResumeIdle"/>.</returns>
    public bool PauseIdle()
    {
        // A trace function that looks at the heap may be called by an idle collection, and would wait for itself.
        bool pauses = Idle != null && !CustomTracing.IsRunning;
        if (pauses)
        {
            Idle!.Pause();
        }

        return pauses;
    }

    /// <summary>Ends a <see cref="PauseIdle"/>.</summary>
    public void ResumeIdle(bool paused)
    {
        if (paused)
        {
            Idle!.Resume();
        }
    }

    /// <summary>Keeps background sweeping from beginning, and waits for a round that is running.</summary>
    public void Pause()
    {
        _background.Pause();
        Quarantine?.Freeze();
    }

    /// <summary>Ends a <see cref="Pause"/>.</summary>
    public void Resume()
    {
        Quarantine?.Thaw();
        _background.Resume();
    }

    /// <summary>Gives back the memory of records that are no longer needed.</summary>
    public void Trim()
    {
        Roots.Trim();
        WeakHandles.Trim();
    }

    /// <summary>Frees nothing of its own. No thread may be using the heap.</summary>
    public void Dispose()
    {
        // First, what runs by itself: nothing else may be using the heap.
        Idle?.Dispose();
        Concurrent?.Stop();

        // Then clean-ups, as the one that is running may still use all the rest.
        CleanUpQueue.Dispose();
        CleanUps.DropAll();
        CheckedHeaps.Remove(ScopeChecks);
        AttentiveHeaps.Remove(Barrier);
        HeapNames.Remove(Heap.Serial);
        Roots.Close();
        WeakHandles.Close();
        _background.Dispose();
        Team.Dispose();
        Gate.Dispose();

        // The quarantine is walked without a lock, and maintenance still runs until the heap's core is disposed: from here on it releases nothing.
        Quarantine?.Freeze();
        Quarantine?.CheckAll();
    }

    // Last, because the process keeps these until the heap is disposed.
    private void AddToLists()
    {
        HeapNames.Add(Heap.Serial, Heap.Name);
        if (WatchesEscapes)
        {
            EscapeWatch.Use();
        }

        if (IsChecked)
        {
            CheckedHeaps.Add(ScopeChecks);
        }

        NoteShading();
    }

    // The gate is closed. With checks or the audit, the barrier is called in any case. What is judged needs the barrier for weak handles alone, which have a scope.
    private void NoteShading()
    {
        Attention = Barrier.Attention;
        if (Barrier.WantsStores && !_isListed)
        {
            AttentiveHeaps.Add(Barrier);
            _isListed = true;
        }
        else if (!Barrier.WantsStores && _isListed)
        {
            TryRemoveFromList();
        }
    }

    // The gate must open whatever happens. A heap that stays in the list costs time, and is taken out the next time.
    private void TryRemoveFromList()
    {
        try
        {
            AttentiveHeaps.Remove(Barrier);
            _isListed = false;
        }
        catch (OutOfMemoryException)
        {
        }
    }

    private CardTable MakeCards()
    {
        CardTable cards = new(Core.Metadata);
        Core.Arenas.Cards = cards.Cards;
        return cards;
    }

    private DeadSpanQuarantine? MakeQuarantine(long softLimitBytes)
    {
        nuint budget = DeadSpanQuarantine.BudgetOf(Core.Options, softLimitBytes);
        return budget != 0 ? new DeadSpanQuarantine(Spans, Statistics, budget, (ulong)Environment.TickCount64 + Serial, NoteWrittenTo) : null;
    }

    private void NoteWrittenTo(nint slot)
    {
        Core.Misuse.Record(slot, MisuseKind.WriteAfterFree);
        Core.NoteActivity();
    }

    // A finalizer may collect traced memory: it then waits for the thread's scope, and while it marks, all threads wait for it.
    private static bool MustNotWait(ThreadCache* cache) =>
        CustomTracing.IsRunning || (cache->Traced != null && Volatile.Read(ref TracedCaches.Of(cache)->Depth) > 0);
}
