using SpanHeap.Caches;
using SpanHeap.Diagnostics;
using SpanHeap.Pages;
using SpanHeap.Spans;
using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Diagnostics;

/// <summary>What a monitor costs: no look at any span, no wait for a round, and true figures while memory is on its way back.</summary>
[Unguarded("guarded blocks are in no class")]
public sealed unsafe class StatisticsStepsTests
{
    private const int BlockSize = 1024;

    private static readonly uint s_class = SizeClasses.Of(BlockSize);

    [Fact]
    public void Figures_are_had_without_a_look_at_a_page_entry_or_a_span()
    {
        using NativeHeap heap = StressHeap.Still();
        Fill(heap, 3000);
        heap.Alloc(100_000);
        heap.Alloc(3_000_000);
        HeapStatistics before = heap.GetStatistics();

        List<(nint Address, uint[] Entries)> entries = TakeEntries(heap);
        HeapStatistics without = heap.GetStatistics();
        entries.ForEach(static taken => taken.Entries.CopyTo(EntriesOf(taken.Address, taken.Entries.Length)));

        Assert.NotEmpty(before.SizeClasses);
        Assert.Equal(before.SizeClasses, without.SizeClasses);
        Assert.Equal((before.LiveBlocks, before.LiveBytes, before.Spans), (without.LiveBlocks, without.LiveBytes, without.Spans));
        heap.Verify();
    }

    [Fact]
    public void As_many_bins_are_looked_at_for_many_blocks_as_for_few()
    {
        using NativeHeap heap = StressHeap.Still();
        heap.Alloc(BlockSize);
        heap.Alloc(64);
        int few = Looks(heap);

        StressHeap.AllocateMany(heap, 50_000, BlockSize);
        StressHeap.AllocateMany(heap, 50_000, 64);

        Assert.Equal(2, few);
        Assert.Equal(few, Looks(heap));
    }

    [Fact]
    public void Who_asks_for_figures_does_not_wait_until_the_heap_stops_standing_still_for_another()
    {
        using NativeHeap heap = StressHeap.Still();
        StressHeap.AllocateMany(heap, 100, BlockSize);
        using ManualResetEventSlim quiet = new();
        using ManualResetEventSlim answered = new();
        Thread other = new(() => heap.Core.Quiescence.WhileQuiet(heap.Core, _ =>
        {
            quiet.Set();
            answered.Wait();
            return true;
        }));
        other.Start();
        quiet.Wait();

        Assert.Equal(100, heap.GetStatistics().LiveBlocks);

        answered.Set();
        other.Join();
    }

    [Fact]
    public void Slots_whose_memory_is_just_going_back_are_free_slots()
    {
        using NativeHeap heap = StressHeap.Still();
        Fill(heap, 3000);
        HeapStatistics before = heap.GetStatistics();
        ThreadCache* cache = heap.Core.FindOwnCache();
        TakenSlots taken = default;
        cache->Lock.Enter();
        heap.Core.Scavenger.Take(cache, ThreadCache.Bin(cache, s_class)->Head, ref taken);
        cache->Lock.Exit();

        HeapStatistics meanwhile = heap.GetStatistics();
        heap.Core.Scavenger.GiveBack(ref taken);

        Assert.Equal(before.SizeClasses, meanwhile.SizeClasses);
        Assert.Equal(before.SizeClasses, heap.GetStatistics().SizeClasses);
    }

    [Fact]
    public void Pages_that_are_just_going_back_are_still_free_ones_with_memory()
    {
        using NativeHeap heap = StressHeap.Still();
        heap.Free(heap.Alloc(5_000_000));
        HeapStatistics before = heap.GetStatistics();
        nint from = 0;
        heap.Core.Scavenging.TakeForScavenge(ref from, agedOnly: false, out PageRun run);

        HeapStatistics meanwhile = heap.GetStatistics();
        heap.Core.Scavenging.FinishScavenge(run, discarded: true, zero: true);
        HeapStatistics after = heap.GetStatistics();

        Assert.True(run.Pages > 0);
        Assert.Equal((before.PagesFree, before.PagesGivenBack), (meanwhile.PagesFree, meanwhile.PagesGivenBack));
        Assert.Equal((before.PagesFree - run.Pages, before.PagesGivenBack + run.Pages), (after.PagesFree, after.PagesGivenBack));
        heap.Verify();
    }

    [Fact]
    public void A_heap_is_not_gone_before_a_thread_that_reads_its_figures_has_done()
    {
        NativeHeap heap = StressHeap.Still();
        bool gone = false;
        Thread disposing = new(() =>
        {
            heap.Dispose();
            Volatile.Write(ref gone, true);
        });

        // The reader has come in while the heap stood still for another, so that nothing but its reading keeps the heap.
        using ManualResetEventSlim quiet = new();
        using ManualResetEventSlim reading = new();
        Thread other = new(() => heap.Core.Quiescence.WhileQuiet(heap.Core, _ =>
        {
            quiet.Set();
            reading.Wait();
            return true;
        }));
        other.Start();
        quiet.Wait();
        bool goneMeanwhile = heap.Core.Quiescence.Watch(heap.Core, core =>
        {
            reading.Set();
            other.Join();
            disposing.Start();
            StressWait.Until(() => core.IsDisposed, static () => "the heap is not being disposed");
            Thread.Sleep(20);
            return Volatile.Read(ref gone);
        });
        disposing.Join();

        Assert.False(goneMeanwhile);
        Assert.Throws<ObjectDisposedException>(() => { heap.GetStatistics(); });
    }

    private static int Looks(NativeHeap heap) =>
        CacheCount.Sum(heap.Core, stackalloc long[SizeClasses.Capacity], stackalloc long[SizeClasses.Capacity]);

    // Spans that are full, half empty, and empty; nothing parked elsewhere than in depots and stacks.
    private static void Fill(NativeHeap heap, int count)
    {
        nint[] blocks = StressHeap.AllocateMany(heap, count, BlockSize);
        StressHeap.FreeAll(heap, blocks.Where(static (_, i) => i % 3 != 0));
        heap.Core.Caches.DrainStacks(heap.Core.FindOwnCache());
        heap.Core.Caches.DrainBins(heap.Core.FindOwnCache(), idleOnly: false);
    }

    private static List<(nint Address, uint[] Entries)> TakeEntries(NativeHeap heap)
    {
        PageGeometry geometry = heap.Core.Pages.Geometry;
        List<(nint Address, uint[] Entries)> all = [];
        for (int i = 0; heap.Core.Pages.TryGetArena(i, out nint arena); i++)
        {
            nint first = arena + ((nint)geometry.HeaderPages << PageGeometry.PageShift);
            Span<uint> entries = EntriesOf(first, geometry.PagesPerArena - geometry.HeaderPages);
            all.Add((first, entries.ToArray()));
            entries.Clear();
        }

        return all;
    }

    private static Span<uint> EntriesOf(nint address, int count) => new(ArenaHeader.EntryOf(address), count);
}
