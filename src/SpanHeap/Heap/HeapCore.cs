using SpanHeap.Blocks;
using SpanHeap.Caches;
using SpanHeap.Checks;
using SpanHeap.Guard;
using SpanHeap.Guard.Sampling;
using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Spans;
using SpanHeap.Threads;

namespace SpanHeap.Heap;

/// <summary>One heap: assembles its parts and takes them apart again.</summary>
/// <remarks>
/// All members except <see cref="Dispose"/> are thread safe. Parts receive the parts that they need when they are created, and none knows this class.
/// It is for the public face, diagnostics and the wing of traced memory.
/// </remarks>
internal sealed unsafe class HeapCore : IDisposable
{
    /// <summary>The serial number of no heap. It is not 0, which is in the slots of threads that never used a heap.</summary>
    public const ulong NoSerial = ulong.MaxValue;

    private readonly HeapMemory _memory;
    private readonly HeapGuards _guards;
    private readonly HeapCaches _caches;
    private readonly HeapMaintenance _maintenance;
    private readonly MisuseReporter _reporter;
    private readonly CacheAttachment _attachment;
    private readonly CheckedBlocks? _checks;

    /// <param name="options">The validated options.</param>
    /// <param name="hasTraced">Whether arenas have room for the bitmaps of traced blocks.</param>
    /// <param name="isShared">Whether this is the process's shared heap.</param>
    public HeapCore(NativeHeapOptions options, bool hasTraced = false, bool isShared = false)
    {
        Platform.EnsureSupported();

        // The process's tables come first, because creating them must not fail in the middle of an operation.
        _ = ArenaMap.KindOf(0);
        _ = SizeClasses.Last;
        Options = options;
        HasTraced = hasTraced;
        State = new HeapState(options, isShared);
        HasFullChecks = options.Checks == HeapChecks.Full;

        // Where every call must be seen, or counted while the fast paths do not count, the fast paths must find nothing.
        GuardSampling.Read();
        IsHidden = HasFullChecks || (options.Guard.Mode == GuardMode.Sampled && !GuardSampling.IsCounted);
        ulong seed = (ulong)Environment.TickCount64 + Serial;
        _guards = new HeapGuards(options.Guard);
        _memory = new HeapMemory(options, hasTraced, Serial);
        _guards.Begin(options.Guard, _memory, Misuse, seed);
        Quarantine = FreedBlockQuarantine.For(options, Metadata, Misuse, seed);
        _checks = HasFullChecks ? new CheckedBlocks(Misuse, Quarantine) : null;
        _caches = new HeapCaches(options, _memory, Misuse, Serial, IsHidden);
        _reporter = new MisuseReporter(State, Misuse, options.LateMisuse);
        _maintenance = new HeapMaintenance(options.ScavengeDelay);
        PressureRelief relief = new(Os, Arenas, _maintenance, Transit, HugeCache, Guard, options.CollectAtLimit);
        _attachment = new CacheAttachment(State, Registry, Sampler, _caches.Large, _maintenance, relief, Limit, Arenas);
        Quiescence = new Quiescence(State, _maintenance, Os);
        Lookup = new BlockLookup(Serial, HasFullChecks, Guard);
        BlockParts parts = PartsOfBlocks(relief);
        Frees = new BlockFrees(State, parts);
        Allocator = new BlockAllocator(State, Frees, parts);
        Resizer = new BlockResizer(State, Allocator, Frees, Lookup, _caches.Large, _caches.Huge, Guard, Pages.Geometry, HasFullChecks, options.ForeignFree);
        if (!_caches.TryBegin())
        {
            Metadata.Dispose();
            _guards.Dispose();
            State.ThrowOutOfMemory(ThreadCache.Size);
        }

        // Last, because the process keeps these until the heap is disposed.
        State.TakeNumber();
        Caches = new CacheDrain(_caches.Stacks, _caches.MagazineReturn, _caches.Return, _caches.Remote, _caches.Gathered, Quarantine, Clock);
        Scavenger = new SpanScavenger(_caches.Return, Discards, Clock);
        PageScavenger = new PageScavenger(Scavenging, _memory.Retention, Os, Discards, Clock);
        Orphans = new OrphanDrain(new DiscardBackoff(Os, Clock), Registry, _caches.Noted, _caches.Stacks, _caches.MagazineReturn, _caches.Spares, _caches.Return, _caches.Remote, Central);
        Sleepers = new StackReclaimer(Registry, _caches.Stacks, Number, Serial, IsHidden);
        Maintained = MaintainedPartsOf();
        _maintenance.Begin(Maintained);
        CollectionWatch.Start(Maintained);
        _guards.Watch(Name);
    }

    public NativeHeapOptions Options { get; }

    /// <summary>Whether the heap's pages may contain traced blocks.</summary>
    public bool HasTraced { get; }

    /// <summary>The wing that shares the pages; null without one. Set before any other thread knows the heap.</summary>
    public HeapWing? Wing { get; set; }

    /// <summary>The heap's name and numbers, and whether it is alive.</summary>
    public HeapState State { get; }

    public string Name => State.Name;

    public ulong Serial => State.Serial;

    public int Number => State.Number;

    public bool IsDisposed => State.IsDisposed;

    public bool HasFullChecks { get; }

    /// <summary>Whether the blocks that are reused are in the hidden stacks.</summary>
    public bool IsHidden { get; }

    /// <summary>Allocates blocks.</summary>
    public BlockAllocator Allocator { get; }

    /// <summary>Frees blocks.</summary>
    public BlockFrees Frees { get; }

    /// <summary>Resizes blocks.</summary>
    public BlockResizer Resizer { get; }

    /// <summary>Determines what a pointer is.</summary>
    public BlockLookup Lookup { get; }

    /// <summary>Inspects the heap as a whole.</summary>
    public Quiescence Quiescence { get; }

    public OsMemory Os => _memory.Os;

    public MetadataAllocator Metadata => _memory.Metadata;

    public PageHeap Pages => _memory.Pages;

    /// <inheritdoc cref="HeapMemory.Scavenging"/>
    public PageScavenging Scavenging => _memory.Scavenging;

    public ArenaSource Arenas => _memory.Arenas;

    /// <inheritdoc cref="HeapMemory.Limit"/>
    public HeapLimit Limit => _memory.Limit;

    /// <inheritdoc cref="HeapMemory.HugeCache"/>
    public HugeBlockCache HugeCache => _memory.HugeCache;

    public SpanSource Spans => _memory.Spans;

    public HeapEpoch Clock => _memory.Clock;

    /// <inheritdoc cref="HeapMemory.Discards"/>
    public DiscardBackoff Discards => _memory.Discards;

    public MagazinePool Magazines => _caches.Magazines;

    public CacheRegistry Registry => _caches.Registry;

    /// <inheritdoc cref="HeapCaches.Budget"/>
    public ParkingBudget Budget => _caches.Budget;

    /// <inheritdoc cref="HeapCaches.Central"/>
    public ThreadCache* Central => _caches.Central;

    /// <summary>Takes back what caches keep.</summary>
    public CacheDrain Caches { get; }

    /// <summary>Takes back what dead threads have left.</summary>
    public OrphanDrain Orphans { get; }

    /// <summary>Takes the blocks on the stacks of threads that wait.</summary>
    public StackReclaimer Sleepers { get; }

    public SpanScavenger Scavenger { get; }

    public PageScavenger PageScavenger { get; }

    /// <summary>The memory that is on its way back.</summary>
    public MemoryTransit Transit { get; } = new();

    public MisuseLog Misuse { get; } = new();

    /// <summary>The managed owners of the heap's blocks.</summary>
    public OwnerCount Owners { get; } = new();

    /// <summary>The parts that maintenance works on and holds weakly.</summary>
    public MaintainedParts Maintained { get; }

    /// <summary>The heap's guarded blocks; null when it has none.</summary>
    public GuardedBlocks? Guard => _guards.Guard;

    /// <inheritdoc cref="HeapGuards.Sampler"/>
    public GuardSampler? Sampler => _guards.Sampler;

    /// <summary>The freed blocks that full checks hold back; null when none are.</summary>
    public FreedBlockQuarantine? Quarantine { get; }

    /// <summary>The spans of dead traced blocks that full checks hold back; null when none are. Set when the heap is created.</summary>
    public IKeptSpans? KeptSpans
    {
        get => Maintained.KeptSpans;
        set => Maintained.KeptSpans = value;
    }

    /// <inheritdoc cref="MisuseReporter.OnMisuse"/>
    public Action<nint, MisuseKind>? OnMisuse
    {
        get => _reporter.OnMisuse;
        set => _reporter.OnMisuse = value;
    }

    /// <inheritdoc cref="HeapState.FindOwnCache"/>
    public ThreadCache* FindOwnCache() => State.FindOwnCache();

    /// <inheritdoc cref="CacheAttachment.Attach"/>
    public ThreadCache* Attach() => _attachment.Attach();

    /// <inheritdoc cref="HeapState.ThrowIfDisposed"/>
    public void ThrowIfDisposed() => State.ThrowIfDisposed();

    /// <inheritdoc cref="BlockLookup.UsableSize"/>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    public nuint UsableSize(nint address)
    {
        State.ThrowIfDisposed();
        return Lookup.UsableSize(BlockAddress.Of(address, Serial));
    }

    /// <inheritdoc cref="BlockLookup.TryFind"/>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    public bool TryFindBlock(nint address, out BlockInfo block)
    {
        State.ThrowIfDisposed();
        return Lookup.TryFind(address, out block);
    }

    /// <summary>Takes back everything that can be without stopping other threads, and gives free pages to the system.</summary>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    public void Trim()
    {
        State.ThrowIfDisposed();
        _maintenance.Trim();
        Frees.NoteActivity();
    }

    /// <inheritdoc cref="HeapMaintenance.OnFirstVisit"/>
    public void OnFirstVisit(delegate*<void> call) => _maintenance.OnFirstVisit(call);

    /// <inheritdoc cref="BlockFrees.NoteActivity"/>
    public void NoteActivity() => Frees.NoteActivity();

    /// <summary>Frees everything at once. No thread may be using the heap.</summary>
    public void Dispose()
    {
        if (!State.TryEnd())
        {
            return;
        }

        _maintenance.Dispose();
        Quiescence.AwaitWatchers();
        _checks?.CheckKeptBack();
        _guards.ReportLeaks();
        Registry.Dispose();
        _guards.Close();
        _memory.Dispose(Serial);
        _guards.Dispose();
        State.GiveNumber();
        _reporter.Queue();
    }

    private BlockParts PartsOfBlocks(PressureRelief relief) => new()
    {
        Attachment = _attachment,
        Small = _caches.Small,
        Large = _caches.Large,
        Huge = _caches.Huge,
        Lookup = Lookup,
        Checks = _checks,
        Guard = Guard,
        Sampler = Sampler,
        Relief = relief,
        Maintenance = _maintenance,
        Reporter = _reporter,
        Os = Os,
        Geometry = Pages.Geometry,
        ForeignFree = Options.ForeignFree,
    };

    private MaintainedParts MaintainedPartsOf() => new()
    {
        State = State,
        Os = Os,
        Clock = Clock,
        Registry = Registry,
        Caches = Caches,
        Sleepers = Sleepers,
        Orphans = Orphans,
        Transit = Transit,
        Magazines = Magazines,
        HugeCache = HugeCache,
        Discards = Discards,
        Scavenger = Scavenger,
        PageScavenger = PageScavenger,
        Scavenging = Scavenging,
        Retention = _memory.Retention,
        Pages = Pages,
        Arenas = Arenas,
        Reporter = _reporter,
        Quarantine = Quarantine,
        KeepsFreeSlots = HasFullChecks,
        HugePages = Options.HugePages,
    };
}
