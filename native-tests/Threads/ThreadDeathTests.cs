using System.Runtime.InteropServices;
using SpanHeap.Tests.Support;
using Xunit.Abstractions;

namespace SpanHeap.Tests.Threads;

/// <summary>Threads that are born, use a heap and die, many times: nothing may grow, whether or not a collection ever comes.</summary>
[Collection(WholeProcess.Name)]
public sealed unsafe class ThreadDeathTests(ITestOutputHelper output)
{
    private const int Rounds = 500;
    private const int WarmRounds = 50;
    private const int ThreadsPerRound = 10;
    private const int LeftPerThread = 6;

    [LinuxFact(MeasuresThreads = true)]
    [Unguarded("it makes millions of blocks, some microseconds each")]
    public void Five_thousand_short_threads_leave_memory_flat_without_a_collection()
    {
        // The runtime itself keeps some KiB of each thread until it collects: what the platform's allocator leaves resident says how many.
        long ofPlatform = ResidentGrowth(ChildProgram.Run(ChurnWithPlatform));
        long ofHeap = ResidentGrowth(ChildProgram.Run(ChurnWithHeap));

        Assert.InRange(ofHeap - ofPlatform, long.MinValue, 16 * StressMemory.MiB);
    }

    [Fact]
    public void The_timer_finds_dead_threads_and_takes_back_all_they_kept()
    {
        using NativeHeap heap = StressHeap.Restless();
        using Barrier together = new(ThreadsPerRound);
        StressThreads.Run(ThreadsPerRound, _ =>
        {
            // Else one dies early and another adopts its cache.
            heap.Free(heap.Alloc(8));
            together.SignalAndWait();
            for (int size = 16; size <= 64 * 1024; size *= 2)
            {
                StressHeap.FreeAll(heap, StressHeap.AllocateMany(heap, 40, size));
            }
        });

        StressHeap.WaitUntilEmpty(heap);

        HeapStatistics now = heap.GetStatistics();
        Assert.Equal((0, ThreadsPerRound), (now.CachedBlocks, now.ThreadCaches + now.OrphanCaches));
        heap.Verify();
    }

    [Fact]
    [Unguarded("it counts pages, which a guarded block has of its own")]
    public void A_thread_that_dies_after_the_timer_has_stopped_leaves_nothing()
    {
        using NativeHeap heap = StressHeap.Restless(delayMilliseconds: 20);
        using (StressWorker worker = new())
        {
            // Free blocks on the thread's own stacks are beyond the timer's reach while it lives and does not wait.
            worker.Do(() => StressHeap.FreeAll(heap, StressHeap.AllocateMany(heap, 20, 100)));
            StressHeap.WaitUntilTimerRests(heap);
            Assert.InRange(heap.GetStatistics().PagesInUse, 0, 16);
        }

        StressHeap.WaitUntilEmpty(heap);
    }

    [Fact]
    public void Blocks_left_by_dead_threads_are_freed_by_others()
    {
        using NativeHeap heap = StressHeap.Restless();
        nint[][] left = new nint[ThreadsPerRound][];
        StressThreads.Run(ThreadsPerRound, number => left[number] = StressHeap.AllocateMany(heap, 3000, 24 + (number * 100)));

        StressThreads.Run(2, number => StressHeap.FreeAll(heap, left.Where((_, owner) => owner % 2 == number).SelectMany(static b => b)));

        StressHeap.WaitUntilEmpty(heap);
        heap.Verify();
        Assert.Equal((0, 0L), (heap.GetStatistics().LiveBlocks, heap.GetStatistics().MisuseCount));
    }

    [Fact]
    [Unguarded("it counts pages, which a guarded block has of its own")]
    public void Spans_of_a_dead_thread_serve_others()
    {
        const int Size = 96;
        using NativeHeap heap = StressHeap.Restless();
        nint[] kept = [];
        StressThreads.RunOne(() =>
        {
            nint[] all = StressHeap.AllocateMany(heap, 8000, Size);
            kept = [.. all.Where(static (_, i) => i % 40 == 0)];
            StressHeap.FreeAll(heap, all.Where(static (_, i) => i % 40 != 0));
        });
        StressWait.Until(() => heap.GetStatistics() is { OrphanCaches: 1, CachedBlocks: 0 }, () => $"{heap.GetStatistics().CachedBlocks} blocks are parked");
        long spans = heap.GetStatistics().Spans;

        // The orphan's spans have room for 7,800. This thread has no cache; let it not adopt the dead one's, but find them in the middle.
        nint[] more = [];
        using StressWorker adopter = new();
        adopter.Do(() => heap.Free(heap.Alloc(4000)));
        using StressWorker other = new();
        other.Do(() => more = StressHeap.AllocateMany(heap, 6000, Size));

        // One more for the block of the adopter.
        Assert.InRange(heap.GetStatistics().Spans, spans, spans + 1);
        StressHeap.FreeAll(heap, more);
        StressHeap.FreeAll(heap, kept);
    }

    private long ResidentGrowth(ChildProgram.Result result)
    {
        output.WriteLine(result.Output);
        Assert.True(result.ExitCode == 0, result.Error);
        return long.Parse(result.Output.Split('\n')[0], System.Globalization.CultureInfo.InvariantCulture);
    }

    private static void ChurnWithPlatform() =>
        Console.WriteLine(Churn(static size => (nint)NativeMemory.Alloc((nuint)size), static block => NativeMemory.Free((void*)block), static () => { }));

    private static void ChurnWithHeap()
    {
        using NativeHeap heap = StressHeap.Still();
        HeapStatistics early = null!;
        long growth = Churn(size => (nint)heap.Alloc((nuint)size), block => heap.Free((void*)block), () => early = heap.GetStatistics());
        HeapStatistics late = heap.GetStatistics();
        Console.WriteLine(growth);
        Console.WriteLine($"{early.PagesInUse}, then {late.PagesInUse} pages; {late.AdoptedCaches} adopted of {late.ThreadCaches + late.OrphanCaches}");
        Assert.InRange(late.ThreadCaches + late.OrphanCaches, 1, 5 * ThreadsPerRound);
        Assert.InRange(late.AdoptedCaches - early.AdoptedCaches, (Rounds - WarmRounds) * ThreadsPerRound * 9 / 10, long.MaxValue);

        // A cache has a span of each class that its threads used; how many threads overlap, and so how many caches there are, is chance.
        int moreCaches = Math.Max(0, late.ThreadCaches + late.OrphanCaches - early.ThreadCaches - early.OrphanCaches);
        Assert.InRange(late.PagesInUse, 0, early.PagesInUse + 256 + (512 * moreCaches));
        Assert.InRange(late.Magazines, 0, (2 * early.Magazines) + 64);
        Assert.Equal(ThreadsPerRound * LeftPerThread, late.LiveBlocks);
        heap.Verify();
    }

    // By how much resident memory has grown since it was warm, without a collection.
    private static long Churn(Func<int, nint> allocate, Action<nint> free, Action warm)
    {
        nint[] left = new nint[ThreadsPerRound * LeftPerThread];
        for (int round = 0; round < WarmRounds; round++)
        {
            left = Round(allocate, free, left);
        }

        warm();
        Assert.True(GC.TryStartNoGCRegion(128 * StressMemory.MiB), "cannot keep collections away");
        int collections = GC.CollectionCount(0);
        long resident = StressMemory.Resident();
        for (int round = WarmRounds; round < Rounds; round++)
        {
            left = Round(allocate, free, left);
        }

        Assert.True(GC.CollectionCount(0) == collections, "a collection came, so this run says nothing");
        return StressMemory.Resident() - resident;
    }

    // Each thread frees what one of the round before has left, works, and leaves something.
    private static nint[] Round(Func<int, nint> allocate, Action<nint> free, nint[] left)
    {
        nint[] next = new nint[left.Length];
        StressThreads.Run(ThreadsPerRound, number =>
        {
            Array.ForEach(left.AsSpan(number * LeftPerThread, LeftPerThread).ToArray(), free);
            nint* mine = stackalloc nint[200];
            for (int i = 0; i < 200; i++)
            {
                mine[i] = allocate(16 + (i * 40));
                *(byte*)mine[i] = 1;
            }

            for (int i = 0; i < 200; i++)
            {
                if (i < LeftPerThread)
                {
                    next[(number * LeftPerThread) + i] = mine[i];
                }
                else
                {
                    free(mine[i]);
                }
            }
        });
        return next;
    }
}
