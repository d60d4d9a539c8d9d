using SpanHeap.Blocks;
using SpanHeap.Caches;
using SpanHeap.Checks;
using SpanHeap.Threads;

namespace SpanHeap.Heap;

/// <summary>The thread caches of a heap, and the kinds of blocks that build on them.</summary>
internal sealed unsafe class HeapCaches
{
    /// <param name="options">The heap's options.</param>
    /// <param name="memory">The source of spans.</param>
    /// <param name="misuse">The log for misuse that is found late.</param>
    /// <param name="heapSerial">The heap's serial number.</param>
    /// <param name="hidden">Whether fast paths find nothing, and the stacks that serve threads are hidden from them.</param>
    public HeapCaches(NativeHeapOptions options, HeapMemory memory, MisuseLog misuse, ulong heapSerial, bool hidden)
    {
        Budget = new ParkingBudget(options.MemoryLimit);
        Magazines = new MagazinePool(memory.Metadata, memory.Clock);
        Registry = new CacheRegistry(memory.Os, heapSerial, isLimited: options.MemoryLimit != 0, Budget, memory.Limit);
        Return = new SpanReturn(memory.Spans, misuse, Noted);
        Spares = new SpareMagazines(Magazines);
        MagazineReturn = new MagazineReturn(Return, Spares, hidden);
        StackRoom room = new(Return, MagazineReturn, Budget, hidden);
        StackRefill refill = new(memory.Spans, MagazineReturn, Spares, room, memory.Clock);
        StackFlush flush = new(MagazineReturn, Spares, room, memory.Clock);
        Outboxes outboxes = new(memory.Os, Spares, memory.Clock);
        Remote = new RemoteFrees(memory.Os, MagazineReturn, outboxes, Return, Magazines);
        Gathered = new GatheredFrees(Remote, outboxes, Spares, Magazines, Budget, hidden);
        Small = new SmallBlocks(refill, flush, room, Remote, Gathered, Return, Magazines, memory.Arenas);
        Large = new LargeBlocks(memory.Spans, memory.Arenas, memory.Limit, Remote, Return, misuse, Budget, hidden);
        Huge = new HugeBlocks(memory.Os, memory.Limit, memory.HugeCache, memory.Clock, heapSerial, keepsFreed: options.Checks != HeapChecks.Full);
        Stacks = new StackDrain(room, Large, Gathered, Remote);
    }

    /// <summary>Determines how much threads may keep.</summary>
    public ParkingBudget Budget { get; }

    public MagazinePool Magazines { get; }

    public CacheRegistry Registry { get; }

    public NotedCaches Noted { get; } = new();

    public SpanReturn Return { get; }

    /// <summary>Returns whole magazines to their spans.</summary>
    public MagazineReturn MagazineReturn { get; }

    /// <summary>The empty magazines that caches have at hand.</summary>
    public SpareMagazines Spares { get; }

    public RemoteFrees Remote { get; }

    public GatheredFrees Gathered { get; }

    public SmallBlocks Small { get; }

    public LargeBlocks Large { get; }

    public HugeBlocks Huge { get; }

    public StackDrain Stacks { get; }

    /// <summary>The cache of spans that no thread's cache owns, and of blocks too large for a class. Null before <see cref="TryBegin"/>.</summary>
    public ThreadCache* Central { get; private set; }

    /// <summary>Creates the central cache. Returns false when there is no memory for it.</summary>
    public bool TryBegin()
    {
        Central = Registry.TryCreateCentral();
        Small.Central = Large.Central = Central;
        return Central != null;
    }
}
