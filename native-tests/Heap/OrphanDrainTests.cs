using SpanHeap.Caches;
using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Spans;
using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Heap;

/// <summary>What dead threads leave is taken back once, whatever their number.</summary>
[Collection(WholeProcess.Name)]
public sealed unsafe class OrphanDrainTests
{
    private const int Threads = 40;

    [Fact]
    public void A_round_runs_one_fence_for_all_dead_threads_and_the_next_one_none()
    {
        using NativeHeap heap = StressHeap.Still();
        LetThreadsDie(heap, static heap => StressHeap.FreeAll(heap, StressHeap.AllocateMany(heap, 10, 100)));

        heap.Core.Orphans.DrainAll();
        Assert.Equal((1, Threads), (heap.Core.Registry.Fences, heap.Core.Registry.OrphanCount));

        heap.Core.Orphans.DrainAll();
        heap.Core.Orphans.DrainAll();
        Assert.Equal((1, Threads), (heap.Core.Registry.Fences, heap.Core.Registry.OrphanCount));
        heap.Verify();
    }

    [Fact]
    public void A_system_that_takes_no_memory_is_not_asked_once_for_each_dead_thread()
    {
        using NativeHeap heap = StressHeap.Still();
        LetThreadsDie(heap, static heap => StressHeap.FreeAll(heap, StressHeap.AllocateMany(heap, 10, 100)));
        heap.Core.Os.FailAll(OsCall.Discard);

        heap.Core.Orphans.DrainAll();

        Assert.Equal(DiscardBackoff.MostRefusals, heap.Core.Os.Failures(OsCall.Discard));
        heap.Verify();
    }

    [Fact]
    public void A_drained_orphan_that_gets_blocks_back_passes_its_spans_on()
    {
        const int Size = 1000;
        using NativeHeap heap = StressHeap.Still();
        nint[] left = [];
        using (StressWorker worker = new())
        {
            worker.Do(() => left = StressHeap.AllocateMany(heap, 2000, Size));
        }

        StressHeap.WaitForOrphans(heap, 1);
        heap.Core.Orphans.DrainAll();

        // Half of each span: none is empty, and all were full and in no bin.
        StressHeap.FreeAll(heap, left.Where(static (_, i) => i % 2 == 0));
        heap.Trim();
        long spans = heap.GetStatistics().Spans;

        // Not by a thread that adopts the orphan's cache and what is in its bins.
        using StressWorker adopter = new();
        adopter.Do(() => heap.Free(heap.Alloc(16)));
        nint[] more = StressHeap.AllocateMany(heap, 800, Size);
        Assert.InRange(heap.GetStatistics().Spans, 1, spans + 1);
        StressHeap.FreeAll(heap, more);
        StressHeap.FreeAll(heap, left.Where(static (_, i) => i % 2 != 0));
        heap.Verify();
    }

    [Fact]
    public void More_than_two_thousand_million_blocks_in_use_are_not_taken_for_none()
    {
        using NativeHeap heap = HeapMaker.NewUsed();
        uint sizeClass = SizeClasses.Of(64);
        ClassBin* bin = ThreadCache.Bin(StressHeap.CacheOf(heap), sizeClass);
        bin->Outstanding += int.MaxValue;

        nint[] blocks = StressHeap.AllocateMany(heap, 300, 64);

        Assert.InRange(bin->Outstanding, (long)int.MaxValue + 300, long.MaxValue);
        ClassStack* stack = ThreadCache.Stack(StressHeap.CacheOf(heap), sizeClass);
        Assert.Equal(SizeClasses.Info(sizeClass).MaxParked, (int)(stack->Limit - stack->Base));
        bin->Outstanding -= int.MaxValue;
        StressHeap.FreeAll(heap, blocks);
        heap.Verify();
    }

    private static void LetThreadsDie(NativeHeap heap, Action<NativeHeap> action)
    {
        StressWorker[] workers = [.. Enumerable.Range(0, Threads).Select(static _ => new StressWorker())];
        Array.ForEach(workers, worker => worker.Do(() => action(heap)));
        Array.ForEach(workers, static worker => worker.Dispose());
        StressHeap.WaitForOrphans(heap, Threads);
    }
}
