using System.Diagnostics.Metrics;
using SpanHeap.Caches;
using SpanHeap.Pages;
using SpanHeap.Spans;
using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Metrics;

/// <summary>What a tool that reads all the time costs: no look at a page entry, no wait for anybody, and little garbage.</summary>
public sealed unsafe class MeterCostTests
{
    private const int Instruments = 16;

    [Fact]
    [Unguarded("guarded blocks are in no class")]
    public void Figures_are_had_without_a_look_at_a_page_entry_or_a_span()
    {
        using NativeHeap heap = StressHeap.Still();
        StressHeap.AllocateMany(heap, 3000, 1024);
        heap.Alloc(3_000_000);
        double? before = MeterReading.Take()["spanheap.memory.used", heap.Name];
        PageGeometry geometry = heap.Core.Pages.Geometry;
        Assert.True(heap.Core.Pages.TryGetArena(0, out nint arena));
        Span<uint> entries = new(ArenaHeader.EntryOf(arena + ((nint)geometry.HeaderPages << PageGeometry.PageShift)), geometry.PagesPerArena - geometry.HeaderPages);
        uint[] kept = entries.ToArray();
        entries.Clear();

        double? without = MeterReading.Take()["spanheap.memory.used", heap.Name];
        kept.CopyTo(entries);

        Assert.True(before > 6_000_000);
        Assert.Equal(before, without);
    }

    [Fact]
    public void Nobody_is_waited_for()
    {
        using NativeHeap heap = StressHeap.Still();
        StressHeap.AllocateMany(heap, 100, 1024);
        ThreadCache* cache = heap.Core.FindOwnCache();
        using ManualResetEventSlim held = new();
        using ManualResetEventSlim read = new();
        Thread other = new(() => heap.Core.Quiescence.WhileQuiet(heap.Core, _ =>
        {
            cache->Lock.Enter();
            held.Set();
            read.Wait();
            cache->Lock.Exit();
            return true;
        }));
        other.Start();
        held.Wait();

        double? used = MeterReading.Take()["spanheap.memory.used", heap.Name];
        string text = heap.ToString();
        read.Set();
        other.Join();

        Assert.True(used > 0);
        Assert.Contains(heap.Name, text, StringComparison.Ordinal);
    }

    [Fact]
    public void To_read_a_hundred_heaps_makes_little_garbage_whatever_they_hold()
    {
        const int Count = 100;

        // A measurement, and the array of its tag that it keeps; and some for each instrument and for the heaps of other tests.
        const int PerMeasurement = 16 + 40;
        const long Bound = Instruments * ((2 * Count * PerMeasurement) + 1000);

        NativeHeap[] heaps = [.. Enumerable.Range(0, Count).Select(static _ => StressHeap.Still())];
        using MeterListener listener = MeterReading.Listen();
        listener.Start();
        long few = GarbageOfReading(listener);
        foreach (NativeHeap heap in heaps)
        {
            StressHeap.AllocateMany(heap, 1000, 1024);
        }

        long many = GarbageOfReading(listener);
        Array.ForEach(heaps, static heap => heap.Dispose());

        Assert.InRange(few, 1, Bound);
        Assert.InRange(many, 1, Bound);
    }

    private static long GarbageOfReading(MeterListener listener)
    {
        listener.RecordObservableInstruments();
        long before = GC.GetAllocatedBytesForCurrentThread();
        listener.RecordObservableInstruments();
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }
}
