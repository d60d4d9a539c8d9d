using SpanHeap.Pages;
using SpanHeap.Tests.Face.BadInput;
using SpanHeap.Tests.Support;
using Xunit.Abstractions;

namespace SpanHeap.Tests.Diagnostics;

[Unguarded("guarded blocks are in no class")]
public sealed unsafe class StatisticsTests(ITestOutputHelper output)
{
    private const int MiB = 1 << 20;

    [Theory]
    [CombinedChecks]
    public void Figures_agree_with_the_program_and_with_a_slow_count_at_every_stage(HeapChecks checks)
    {
        int seed = Environment.TickCount;
        output.WriteLine($"seed {seed}");
        Random random = new(seed);
        using NativeHeap heap = HeapMaker.New(checks);
        AssertAgrees(heap, []);
        List<nint> live = [];
        for (int stage = 0; stage < 25; stage++)
        {
            for (int i = 0; i < 800; i++)
            {
                Step(random, heap, live);
            }

            AssertAgrees(heap, live);
            if (stage % 5 == 4)
            {
                heap.Trim();
                AssertAgrees(heap, live);
            }
        }

        live.ForEach(block => heap.Free((void*)block));
        AssertAgrees(heap, []);
    }

    [Fact]
    public void Figures_agree_after_blocks_went_from_thread_to_thread()
    {
        using NativeHeap heap = HeapMaker.New();
        List<nint> live = [];
        for (int round = 0; round < 10; round++)
        {
            HeapMaker.OnOtherThread(() =>
            {
                live.ForEach(block => heap.Free((void*)block));
                live = [.. Enumerable.Range(0, 3000).Select(i => (nint)heap.Alloc((nuint)(i % 900)))];
            });
            AssertAgrees(heap, live);
        }
    }

    [Fact]
    public void A_fresh_heap_has_nothing()
    {
        using NativeHeap heap = new(new NativeHeapOptions { Name = "fresh" });
        HeapStatistics s = heap.GetStatistics();
        Assert.Equal("fresh", s.Name);
        Assert.Empty(s.SizeClasses);
        Assert.Equal((0, 0, 0, 0, 0, 0, 0), (s.LiveBlocks, s.LiveBytes, s.CachedBlocks, s.Spans, s.PagesInUse, s.Arenas, s.ReservedBytes));
        Assert.Equal((0, 0, 0L, 0L), (s.ThreadCaches, s.OrphanCaches, s.AdoptedCaches, s.MisuseCount));
    }

    [Fact]
    public void Huge_blocks_are_counted_with_the_bytes_asked_for()
    {
        using NativeHeap heap = HeapMaker.New();
        void* huge = heap.Alloc((80 * MiB) + 1);
        void* aligned = heap.AlignedAlloc(100, 128 * MiB);
        HeapStatistics s = heap.GetStatistics();
        Assert.Equal((2, (80 * MiB) + 101), (s.HugeBlocks, s.HugeBytes));
        Assert.Equal((2, (80 * MiB) + 101), (s.LiveBlocks, s.LiveBytes));
        heap.Free(huge);
        heap.Free(aligned);
        s = heap.GetStatistics();
        Assert.Equal((0, 0, 0), (s.HugeBlocks, s.HugeBytes, s.LiveBlocks));
        Assert.Equal(2, s.OsCalls.Huge);
    }

    [Fact]
    public void Calls_to_the_system_are_counted_by_kind()
    {
        using NativeHeap heap = HeapMaker.New();
        heap.Free(heap.Alloc(10 * MiB));
        HeapStatistics before = heap.GetStatistics();
        Assert.True(before.OsCalls.Reserve >= 1 && before.OsCalls.Metadata >= 1 && before.OsCalls.Total >= 3);
        heap.Trim();
        HeapStatistics after = heap.GetStatistics();
        Assert.True(after.OsCalls.Discard > before.OsCalls.Discard);
        Assert.Equal(0, after.OsCalls.Failed);
        heap.Core.Os.FailAfter(0);
        Assert.Throws<OutOfMemoryException>(() => { heap.Alloc((nuint)1 << 62); });
        heap.Core.Os.FailAfter(-1);
        Assert.Throws<OutOfMemoryException>(() => { heap.Alloc((nuint)1 << 62); });
        Assert.True(heap.GetStatistics().OsCalls.Failed >= 1);
    }

    [Fact]
    public void A_snapshot_does_not_change_afterwards()
    {
        using NativeHeap heap = HeapMaker.New();
        heap.Alloc(100);
        HeapStatistics s = heap.GetStatistics();
        heap.Alloc(100);
        Assert.Equal(1, s.LiveBlocks);
        Assert.Equal(1, Assert.Single(s.SizeClasses).LiveBlocks);
    }

    [Fact]
    public void Every_living_thread_that_used_the_heap_has_a_cache()
    {
        using NativeHeap heap = HeapMaker.New();
        heap.Free(heap.Alloc(1));
        using Barrier barrier = new(4);
        Thread[] threads = [.. Enumerable.Range(0, 3).Select(_ => new Thread(() =>
        {
            heap.Free(heap.Alloc(1));
            barrier.SignalAndWait();
            barrier.SignalAndWait();
        }))];
        Array.ForEach(threads, static thread => thread.Start());
        barrier.SignalAndWait();
        HeapStatistics statistics = heap.GetStatistics();
        barrier.SignalAndWait();
        Array.ForEach(threads, static thread => thread.Join());
        Assert.Equal(4, statistics.ThreadCaches);
    }

    private static void Step(Random random, NativeHeap heap, List<nint> live)
    {
        int size = random.Next(12) switch { 0 => random.Next(6 * MiB), 1 => random.Next(200_000), < 5 => random.Next(20_000), _ => random.Next(600) };
        if (live.Count == 0 || random.Next(100) < 52)
        {
            live.Add((nint)(random.Next(3) == 0 ? heap.AlignedAlloc((nuint)size, (nuint)1 << random.Next(0, 15)) : heap.Alloc((nuint)size)));
            return;
        }

        int index = random.Next(live.Count);
        if (random.Next(4) == 0)
        {
            live[index] = (nint)heap.Realloc((void*)live[index], (nuint)size);
            return;
        }

        heap.Free((void*)live[index]);
        live[index] = live[^1];
        live.RemoveAt(live.Count - 1);
    }

    private static void AssertAgrees(NativeHeap heap, List<nint> live)
    {
        heap.Verify();
        HeapStatistics s = heap.GetStatistics();
        new SlowStatistics(heap).AssertEqual(s);

        // What the program knows.
        // What it may use are with full checks the bytes it asked for, of slots that have more.
        long usable = live.Sum(block => (long)heap.UsableSize((void*)block));
        Assert.Equal(live.Count, s.LiveBlocks);
        Assert.InRange(s.LiveBytes, usable, heap.Checks == HeapChecks.Full ? long.MaxValue : usable);

        // What the documentation promises.
        Assert.Equal(s.SizeClasses.Sum(static c => c.LiveBlocks) + s.HugeBlocks, s.LiveBlocks);
        Assert.Equal(s.SizeClasses.Sum(static c => c.LiveBytes) + s.HugeBytes, s.LiveBytes);
        Assert.Equal(s.SizeClasses.Sum(static c => c.CachedBlocks), s.CachedBlocks);
        Assert.Equal(s.SizeClasses.Sum(static c => c.CachedBytes), s.CachedBytes);
        Assert.Equal(s.SizeClasses.Sum(static c => c.Spans), s.Spans);
        Assert.Equal(s.SizeClasses.Sum(static c => c.Pages), s.PagesInUse);
        PageGeometry geometry = heap.Core.Pages.Geometry;
        Assert.Equal(s.Arenas * geometry.PagesPerArena, s.PagesInUse + s.PagesFree + s.PagesGivenBack + (s.Arenas * geometry.HeaderPages));
        Assert.True(s.ReservedBytes >= s.Arenas * geometry.ArenaBytes);
        Assert.Equal(((s.PagesInUse + s.PagesFree) * s.PageSize) + s.MetadataBytes + s.HugeBytes + s.CachedHugeBytes, s.ResidentBytes);
    }
}
