using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Heap;

/// <summary>A heap's memory, from the system up to spans.</summary>
internal sealed class HeapMemory
{
    public HeapMemory(NativeHeapOptions options, bool hasTraced, ulong heapSerial)
    {
        bool liveBits = options.Checks == HeapChecks.Full;
        Os = new OsMemory();
        Metadata = new MetadataAllocator(Os);
        nint headerBytes = ArenaHeader.Bytes(liveBits, hasTraced);
        PageStore store = new(PageGeometry.ForProcess(PageMath.PagesIn((nuint)headerBytes)), Metadata);
        Pages = new PageHeap(store);
        Scavenging = new PageScavenging(store);
        long retainedBytes = PageRetention.MostBytes(options.MemoryLimit);
        Retention = new PageRetention(store, retainedBytes);
        Arenas = new ArenaSource(Os, Pages, Metadata, heapSerial, options.HugePages, liveBits, headerBytes);
        Limit = new HeapLimit(Pages, Metadata, options.MemoryLimit, headerBytes);
        HugeCache = new HugeBlockCache(Os, Limit, options.ScavengeDelay, retainedBytes);
        Spans = new SpanSource(Pages, Limit, liveBits);
        Discards = new DiscardBackoff(Os, Clock);
    }

    public OsMemory Os { get; }

    public MetadataAllocator Metadata { get; }

    public PageHeap Pages { get; }

    /// <summary>Holds free pages while their memory goes back.</summary>
    public PageScavenging Scavenging { get; }

    /// <summary>Gets what decides how many free pages stay although they are idle.</summary>
    public PageRetention Retention { get; }

    public ArenaSource Arenas { get; }

    /// <summary>What the heap may use.</summary>
    public HeapLimit Limit { get; }

    /// <summary>The free huge blocks that are kept for reuse.</summary>
    public HugeBlockCache HugeCache { get; }

    public SpanSource Spans { get; }

    public HeapEpoch Clock { get; } = new();

    /// <summary>Gives free memory back to the system. All of the heap's free memory goes this way.</summary>
    public DiscardBackoff Discards { get; }

    /// <summary>Gives everything back. No thread may be using the heap.</summary>
    public void Dispose(ulong heapSerial)
    {
        HugeBlockTable.FreeAll(Os, heapSerial);
        Arenas.Dispose();
        Metadata.Dispose();
    }
}
