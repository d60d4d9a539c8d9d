using SpanHeap.Contract;
using SpanHeap.Heap;
using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Metrics;

/// <summary>
/// Reads a heap's figures from counters that its slow paths keep anyway. Nothing is walked, no lock is taken and nothing is allocated, so each costs a
/// few loads however large the heap is, and a heap that is being disposed may be read.
/// </summary>
/// <remarks>
/// Thread safe. Each figure is right by itself; several are not of one moment. <see cref="Used"/>, <see cref="Free"/> and <see cref="Metadata"/> add up
/// to <see cref="HeapStatistics.ResidentBytes"/>.
/// </remarks>
internal static class HeapFigures
{
    /// <summary>Bytes of pages that hold blocks, and of huge blocks that the program has.</summary>
    public static long Used(HeapCore heap)
    {
        // The two counts of huge blocks are read one after the other.
        long huge = Math.Max(0, heap.Limit.HugeBytes - heap.Limit.KeptHugeBytes);
        return (heap.Pages.PagesInUse * PageGeometry.PageSize) + huge + GuardOf(heap).HugeBytes;
    }

    /// <summary>Bytes of free pages, and of freed huge blocks that stay mapped for reuse, that memory still backs.</summary>
    public static long Free(HeapCore heap) => (heap.Pages.PagesFree * PageGeometry.PageSize) + heap.Limit.KeptHugeBytes;

    /// <summary>Bytes of address space that the arenas take.</summary>
    public static long Reserved(HeapCore heap) => (long)heap.Arenas.ReservedBytes;

    /// <summary>Bytes of the heap's own records.</summary>
    public static long Metadata(HeapCore heap) => (long)heap.Limit.MetadataBytes;

    /// <summary>The memory limit in bytes; null without one.</summary>
    public static long? Limit(HeapCore heap) => heap.Options.MemoryLimit is var limit and not 0 ? (long)Math.Min(limit, long.MaxValue) : null;

    /// <summary>Bytes of free memory that went back to the system since the heap was created, where a byte counts each time.</summary>
    public static long Returned(HeapCore heap) => heap.Discards.BytesDiscarded + heap.Orphans.BytesDiscarded + heap.HugeCache.BytesReleased;

    /// <summary>Calls to the system since the heap was created.</summary>
    public static long OsCalls(HeapCore heap) => heap.Os.TotalCalls;

    /// <summary>Blocks whose misuse was found after the call that caused it.</summary>
    public static long Misuse(HeapCore heap) => heap.Misuse.Total;

    /// <summary>The figures of guarded blocks; all are zero in a heap that guards none.</summary>
    public static GuardStatistics GuardOf(HeapCore heap) => heap.Guard?.Statistics ?? default;

    /// <summary>Describes a heap in one line.</summary>
    public static string Describe(HeapCore heap)
    {
        if (heap.IsDisposed)
        {
            return $"{heap.Name}: disposed";
        }

        string limit = Limit(heap) is { } bytes ? $", limit {Readable.Bytes(bytes)}" : "";
        return $"{heap.Name}: {Readable.Bytes(Used(heap))} used, {Readable.Bytes(Free(heap))} free{limit}";
    }
}
