using SpanHeap.Caches;
using SpanHeap.Heap;
using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Tests.Support;
using SpanHeap.Threads;

namespace SpanHeap.Tests.Caches;

/// <summary>Caches of threads and heaps that are gone give their memory back, but for a few.</summary>
[Collection(WholeProcess.Name)]
public sealed unsafe class ThreadCachePoolTests
{
    private const int Threads = 60;
    private const int KeptWarm = 16;

    [Fact]
    [Unguarded("it counts blocks that lie in thread caches")]
    public void Caches_of_dead_threads_give_their_memory_back_but_for_a_few()
    {
        using NativeHeap heap = StressHeap.Still();
        StressWorker[] workers = UseByThreads(heap);
        long alive = heap.Core.Limit.CacheBytes;
        Assert.InRange(alive, Threads * ThreadCache.Size, (Threads + 2) * ThreadCache.Size);

        LetDie(heap, workers);
        heap.Core.Orphans.DrainAll();

        Assert.Equal(Threads - KeptWarm, heap.Core.Registry.GivenBackCount);
        Assert.InRange(heap.Core.Limit.CacheBytes, 0, ((KeptWarm + 2) * (long)ThreadCache.Size) + (Threads * (long)OsMemory.PageSize));
        heap.Verify();

        // Those that come take the caches over, and nothing of them is missing.
        StressWorker[] heirs = UseByThreads(heap);
        Assert.Equal((0, alive), (heap.Core.Registry.GivenBackCount, heap.Core.Limit.CacheBytes));
        Array.ForEach(heirs, worker => worker.Do(() => StressHeap.FreeAll(heap, StressHeap.AllocateMany(heap, 500, 200))));
        heap.Verify();
        LetDie(heap, heirs);
    }

    [LinuxFact]
    [Unguarded("it counts bytes that caches keep")]
    public void A_cache_that_has_given_its_memory_back_counts_a_page_and_is_refused_where_the_limit_has_no_room_for_it()
    {
        const int Caches = 40;
        using NativeHeap heap = StressHeap.Still(memoryLimit: (Caches + 10) * ThreadCache.Size);
        CacheRegistry registry = heap.Core.Registry;
        long before = heap.Core.Limit.CacheBytes;
        Orphan(registry, Caches);
        heap.Core.Orphans.DrainAll();

        long stay = (KeptWarm * (long)ThreadCache.Size) + ((Caches - KeptWarm) * (long)OsMemory.PageSize);
        Assert.Equal(before + stay, heap.Core.Limit.CacheBytes);

        // What is free of the limit serves blocks.
        void* rest = heap.Alloc((nuint)((Caches - KeptWarm - 4) * ThreadCache.Size));
        List<nint> adopted = [];
        for (ThreadCache* cache = registry.TryAttach(); cache != null; cache = registry.TryAttach())
        {
            adopted.Add((nint)cache);
        }

        Assert.InRange(adopted.Count, KeptWarm, Caches - 4);
        Assert.True(heap.Core.Limit.BytesInUse <= heap.Core.Limit.LimitBytes);
        heap.Free(rest);
        heap.Trim();
        Assert.True(registry.TryAttach() != null);
        heap.Verify();
    }

    [LinuxFact]
    [Unguarded("it counts bytes that caches keep")]
    public void A_limit_goes_to_blocks_and_not_to_the_caches_of_dead_threads()
    {
        const int Limit = 1 << 20;
        const int Dead = 8;
        long without;
        using (NativeHeap heap = StressHeap.Still(memoryLimit: Limit))
        {
            without = TakeAll(heap);
        }

        using NativeHeap crowded = StressHeap.Still(memoryLimit: Limit);
        Orphan(crowded.Core.Registry, Dead);
        crowded.Core.Orphans.DrainAll();
        Assert.Equal(0, crowded.Core.Registry.GivenBackCount);

        // One of the dead threads' caches is the calling thread's.
        Assert.InRange(TakeAll(crowded), without - (Dead * (long)OsMemory.PageSize), without);
        Assert.Equal(Dead - 1, crowded.Core.Registry.GivenBackCount);
        crowded.Verify();
    }

    [LinuxFact]
    [Unguarded("it counts blocks that lie in thread caches")]
    public void Caches_of_dead_threads_whose_blocks_others_free_later_give_their_memory_back_but_for_a_few()
    {
        using NativeHeap heap = StressHeap.Still();
        StressWorker[] workers = [.. Enumerable.Range(0, Threads).Select(static _ => new StressWorker())];
        List<nint> blocks = [];

        // Some fill their spans, which are in no bin then and stay the dead threads'.
        Array.ForEach(workers, worker => worker.Do(() => blocks.AddRange(StressHeap.AllocateMany(heap, 100, 1000))));
        LetDie(heap, workers);
        StressWorker freeing = new();
        Round(heap);
        Assert.Equal(0, heap.Core.Registry.GivenBackCount);

        // By a thread that has taken over one of the caches.
        freeing.Do(() => StressHeap.FreeAll(heap, blocks));
        freeing.Dispose();
        StressHeap.WaitForOrphans(heap, Threads);
        Round(heap);
        Round(heap);

        Assert.InRange(heap.Core.Registry.GivenBackCount, Threads - KeptWarm - 1, Threads - KeptWarm);
        heap.Verify();
    }

    [LinuxFact]
    public void Caches_of_no_heap_give_their_memory_back_when_the_system_has_refused_a_request()
    {
        using (NativeHeap heap = StressHeap.Still())
        {
            LetDie(heap, UseByThreads(heap));
        }

        Assert.InRange(ThreadCachePool.WarmCount, 1, KeptWarm);
        using NativeHeap refused = StressHeap.Still();
        refused.Free(refused.Alloc(100));
        refused.Core.Os.FailAfter(0);
        Assert.Throws<OutOfMemoryException>(() => (nint)refused.Alloc(100 << 20));
        refused.Core.Os.FailAfter(-1);
        Assert.Equal(0, ThreadCachePool.WarmCount);

        // They read as new.
        LetDie(refused, UseByThreads(refused));
        refused.Verify();
    }

    [LinuxFact]
    [Unguarded("it counts pages of spans that many blocks share")]
    public void A_round_comes_to_caches_that_are_in_use_after_many_that_are_not()
    {
        const int Many = 600;
        using NativeHeap heap = StressHeap.Still();
        nint[] blocks = StressHeap.AllocateMany(heap, 4000, 1024);
        Orphan(heap.Core.Registry, Many);
        heap.Core.Orphans.DrainAll();
        Assert.Equal(Many - KeptWarm, heap.Core.Registry.GivenBackCount);

        // One in 64 stays, so that nearly all spans do.
        StressHeap.FreeAll(heap, blocks.Where(static (_, i) => i % 64 != 0));
        long discards = heap.Core.Os.Calls(OsCall.Discard);
        heap.Trim();

        Assert.InRange(heap.Core.Os.Calls(OsCall.Discard) - discards, 20, int.MaxValue);
        StressHeap.FreeAll(heap, blocks.Where(static (_, i) => i % 64 == 0));
    }

    private static void Round(NativeHeap heap)
    {
        MaintenanceRound round = new(heap.Core.Maintained, idleOnly: true, MaintenanceStep.Last);
        while (round.Step())
        {
        }
    }

    // All that a limit leaves to blocks of a page.
    private static long TakeAll(NativeHeap heap)
    {
        long taken = 0;
        Action take = () =>
        {
            while (true)
            {
                heap.Alloc(PageGeometry.PageSize);
                taken += PageGeometry.PageSize;
            }
        };
        Assert.Throws<OutOfMemoryException>(take);
        return taken;
    }

    // Caches of threads that are gone, as if they were.
    private static void Orphan(CacheRegistry registry, int count)
    {
        nint[] caches = new nint[count];
        for (int i = 0; i < count; i++)
        {
            caches[i] = (nint)registry.TryAttach();
            Assert.True(caches[i] != 0);
        }

        foreach (nint cache in caches)
        {
            Assert.True(registry.TryOrphan((ThreadCache*)cache, ((ThreadCache*)cache)->Ownership));
        }
    }

    [LinuxFact]
    public void Caches_of_disposed_heaps_give_their_memory_back_but_for_a_few()
    {
        long discards;
        using (NativeHeap heap = StressHeap.Still())
        {
            StressWorker[] workers = UseByThreads(heap);
            LetDie(heap, workers);
            OsMemory os = heap.Core.Os;
            discards = os.Calls(OsCall.Discard);
            heap.Dispose();
            discards = os.Calls(OsCall.Discard) - discards;
        }

        Assert.InRange(discards, Threads - KeptWarm, Threads + 1);

        // They read as new.
        using NativeHeap later = StressHeap.Still();
        LetDie(later, UseByThreads(later));
        later.Verify();
    }

    private static StressWorker[] UseByThreads(NativeHeap heap)
    {
        StressWorker[] workers = [.. Enumerable.Range(0, Threads).Select(static _ => new StressWorker())];
        Array.ForEach(workers, worker => worker.Do(() =>
        {
            StressHeap.FreeAll(heap, StressHeap.AllocateMany(heap, 10, 100));
        }));
        return workers;
    }

    private static void LetDie(NativeHeap heap, StressWorker[] workers)
    {
        Array.ForEach(workers, static worker => worker.Dispose());
        StressHeap.WaitForOrphans(heap, workers.Length);
    }
}
