using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SpanHeap.Guarding;
using SpanHeap.Guarding.Faults;
using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Caches;

/// <summary>
/// One heap: its parts put together, and the slow paths of the operations. Public faces try the fast path and come here.
/// </summary>
/// <remarks>Thread safe. Methods here hold at most one thread's cache's lock at a time, and no lock when they ask the system or throw.</remarks>
internal sealed unsafe partial class HeapCore : IDisposable
{
    /// <summary>The serial number of no heap. Not 0, which is what the slots of threads that never used a heap have.</summary>
    public const ulong NoSerial = ulong.MaxValue;

    private static ulong s_lastSerial;
    private static readonly HeapNumbers s_numbers = new();

    private readonly CacheStock _stock;
    private readonly BlockReturn _blockReturn;
    private readonly RemoteFrees _remote;
    private readonly LargeBlocks _large;
    private readonly StackDrain _drain;
    private readonly HeapMaintenance _maintenance;
    private readonly PressureRelief _relief;
    private readonly bool _fullChecks;

    // Null without full checks, or a budget.
    private readonly FreedBlockQuarantine? _quarantine;

    // Whether fast paths find nothing, and what serves stands where they do not look.
    private readonly bool _hidden;

    // Null unless blocks are guarded.
    private readonly GuardHeap? _guard;
    private readonly GuardRecordFile? _guardFile;
    private readonly GuardSampler? _sampler;
    private readonly LeakWatch? _leakWatch;
    private int _disposed;

    // 1 while a report is on its way.
    private int _reporting;

    public HeapCore(NativeHeapOptions options)
    {
        Platform.EnsureSupported();

        // The process's tables come first: none of them may fail to be made in the middle of an operation.
        _ = ArenaMap.KindOf(0);
        _ = SizeClasses.Last;
        bool guards = options.Guard is GuardMode.Sampled or GuardMode.All;
        _ = guards ? HugeGuards.Table : null;
        _guardFile = guards && options.GuardRecordFile != null ? GuardRecordFile.Create(options.GuardRecordFile) : null;
        Options = options;
        Serial = Interlocked.Increment(ref s_lastSerial);
        Name = options.Name ?? $"Heap {Serial}";
        _fullChecks = options.Checks == HeapChecks.Full;

        Os = new OsMemory();
        Metadata = new MetadataAllocator(Os);
        Pages = new PageHeap(PageGeometry.ForProcess((int)(ArenaHeader.Bytes(_fullChecks, options.Traced) >> PageGeometry.PageShift)), Metadata);
        Arenas = new ArenaSource(Os, Pages, Metadata, Serial, options.MemoryLimit, options.HugePages, _fullChecks, options.Traced);
        HugeCache = new HugeBlockCache(Os, Arenas);
        Spans = new SpanSource(Pages, Arenas);
        Misuse = new MisuseLog();
        _quarantine = FreedBlockQuarantine.For(options, Metadata, Misuse, (ulong)Environment.TickCount64 + Serial);
        Clock = new HeapClock();
        Magazines = new MagazinePool(Metadata, Clock);
        Registry = new CacheRegistry(Os, Serial, isLimited: options.MemoryLimit != 0, Arenas);
        ParkingBudget budget = new(Registry, options.MemoryLimit);
        // Where every call is looked at, or counted and the fast paths do not count, they must find nothing.
        _hidden = _fullChecks || (options.Guard == GuardMode.Sampled && !GuardSampling.IsCounted);
        _blockReturn = new BlockReturn(Spans, Misuse, Registry);
        _stock = new CacheStock(Spans, _blockReturn, Magazines, Clock, budget, _hidden);
        _remote = new RemoteFrees(Os, _stock, _blockReturn, Magazines, Misuse, Clock);
        _large = new LargeBlocks(Spans, _remote, Misuse, budget, _hidden);
        _drain = new StackDrain(_stock, _large, _remote);
        Discards = new DiscardBackoff(Os, Clock);
        Scavenger = new SpanScavenger(_blockReturn, Discards, Clock);
        PageScavenger = new PageScavenger(Pages, Os, Discards, Clock);
        _maintenance = new HeapMaintenance(this);
        if (guards)
        {
            _guard = new GuardHeap(Os, Pages, Arenas, options, _guardFile, MappingBudget.Process, Misuse.Record);
            if (options.GuardFaultReport)
            {
                FaultHandler.TryInstall();
            }

            _sampler = options.Guard == GuardMode.Sampled ? new GuardSampler(options.GuardSampleRate, (ulong)Environment.TickCount64 + Serial) : null;
        }

        _relief = new PressureRelief(Arenas, _maintenance, Transit, HugeCache, _guard, options.CollectAtLimit);
        Central = Registry.TryCreateCentral();
        CollectionWatch.Start(this);
        if (Central == null)
        {
            Metadata.Dispose();
            _guardFile?.Dispose();
            ThrowOutOfMemory(ThreadCache.Size);
        }

        // Last: the process knows of these until the heap is disposed.
        Number = s_numbers.Take();
        Orphans = new OrphanDrain(Os, Registry, _drain, _stock, _blockReturn, _remote, Central);
        Sleepers = new StackReclaimer(Registry, _drain, Number, Serial, _hidden);
        _leakWatch = _guard != null && options.GuardLeaks ? new LeakWatch(_guard, Name) : null;
    }

    public NativeHeapOptions Options { get; }

    public string Name { get; }

    /// <summary>Names the heap for ever; never 0, never reused.</summary>
    public ulong Serial { get; }

    /// <summary>A small number, reused after the heap is gone: where threads look for their cache of this heap.</summary>
    public int Number { get; }

    public OsMemory Os { get; }

    public MetadataAllocator Metadata { get; }

    public PageHeap Pages { get; }

    public ArenaSource Arenas { get; }

    /// <summary>Free huge blocks that are kept for reuse.</summary>
    public HugeBlockCache HugeCache { get; }

    public SpanSource Spans { get; }

    public MagazinePool Magazines { get; }

    public MisuseLog Misuse { get; }

    public HeapClock Clock { get; }

    /// <summary>Memory that is on its way back.</summary>
    public MemoryTransit Transit { get; } = new();

    public CacheRegistry Registry { get; }

    /// <summary>Takes back what dead threads have left.</summary>
    public OrphanDrain Orphans { get; }

    /// <summary>Takes what lies on the stacks of threads that wait.</summary>
    public StackReclaimer Sleepers { get; }

    /// <summary>The one way in which free memory of the heap goes back to the system.</summary>
    public DiscardBackoff Discards { get; }

    public SpanScavenger Scavenger { get; }

    public PageScavenger PageScavenger { get; }

    /// <summary>The cache of spans that no thread's cache owns, and of blocks too large for a class.</summary>
    public ThreadCache* Central { get; }

    /// <summary>The heap's guarded blocks; null when it has none.</summary>
    public GuardHeap? Guard => _guard;

    /// <summary>Freed blocks that full checks keep back; null when none are.</summary>
    public FreedBlockQuarantine? Quarantine => _quarantine;

    /// <summary>Draws which allocations are guarded; null unless a sample is.</summary>
    public GuardSampler? Sampler => _sampler;

    public bool IsDisposed => Volatile.Read(ref _disposed) != 0;

    public bool HasFullChecks => _fullChecks;

    /// <summary>Whether blocks that serve again are in the hidden stacks.</summary>
    public bool IsHidden => _hidden;

    /// <summary>A cache for the calling thread.</summary>
    /// <exception cref="OutOfMemoryException">There is no memory for one.</exception>
    public ThreadCache* Attach()
    {
        ThrowIfDisposed();
        ThreadCache* cache = TryAttachUnderPressure();
        if (cache == null)
        {
            ThrowOutOfMemory(ThreadCache.Size);
        }

        return cache;
    }

    [DoesNotReturn]
    private void ThrowOutOfMemory(nuint byteCount) => ThrowHelper.OutOfMemory(Name, byteCount, Options.MemoryLimit);

    public void ThrowIfDisposed()
    {
        if (IsDisposed)
        {
            ThrowHelper.HeapDisposed(Name);
        }
    }

    /// <summary>Frees everything at once. No thread may be using the heap.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
        {
            return;
        }

        _maintenance.Dispose();
        CheckKeptBack();
        _leakWatch?.Dispose();
        Registry.Dispose();
        _guard?.Close();
        HugeBlocks.FreeAll(Os, Serial);
        Arenas.Dispose();
        Metadata.Dispose();
        _guardFile?.Dispose();
        s_numbers.Give(Number);
        QueueMisuseReport();
    }

    /// <summary>The calling thread's cache of a heap; <see cref="ThreadCache.None"/> when it has none yet.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ThreadCache* FindCache(bool isShared, int number, ulong serial)
    {
        ThreadRecord* record = ThreadRecord.Current;
        return isShared ? record->Shared : ThreadTable.Find(record->Table, number, serial);
    }

    /// <summary>
    /// The calling thread's cache of this heap; <see cref="ThreadCache.None"/> when it has none yet. Unlike <see cref="FindCache"/> it waits
    /// for a thread that is taking what lies on the stacks, and has the cache out of sight meanwhile.
    /// </summary>
    public ThreadCache* FindOwnCache()
    {
        bool shared = this == SharedHeap.Core;
        ThreadCache* cache = FindCache(shared, Number, Serial);
        ThreadRecord* record = ThreadRecord.Current;
        if (cache == ThreadCache.None && record != ThreadRecord.None)
        {
            record->Lock.Enter();
            cache = FindCache(shared, Number, Serial);
            record->Lock.Exit();
        }

        return cache;
    }

    private ThreadCache* TryAttach()
    {
        // One that came here without may have got one on the way, as a Realloc that allocates and then frees.
        ThreadCache* own = FindOwnCache();
        if (own != ThreadCache.None)
        {
            return own;
        }

        ThreadRecord* record = ThreadRecord.Current;
        if (record == ThreadRecord.None && (record = ThreadRecords.TryTake()) == null)
        {
            return null;
        }

        // The slot first: a cache that a thread cannot find again would be lost until the thread is dead.
        bool shared = this == SharedHeap.Core;
        if (!shared && !ThreadTable.TrySet(record, Number, 0, ThreadCache.None))
        {
            return null;
        }

        ThreadCache* cache = Registry.TryAttach();
        if (cache == null)
        {
            return null;
        }

        cache->UntilSample = _sampler?.Draw() ?? int.MaxValue;
        _large.Begin(cache);

        // A thread that only uses fast paths and dies must be found, too. Before the thread has its cache, because what wakes the
        // maintenance may wait in a way that looks as if the cache were not in use (see StackReclaimer).
        _maintenance.Arm();
        if (shared)
        {
            Volatile.Write(ref *(nint*)&record->Shared, (nint)cache);
        }
        else
        {
            ThreadTable.TrySet(record, Number, Serial, cache);
        }

        return cache;
    }

    // There may be something to do for maintenance from now on, or something to tell. Called without a lock.
    private void NoteActivity()
    {
        _maintenance.Arm();
        QueueMisuseReport();
    }
}
