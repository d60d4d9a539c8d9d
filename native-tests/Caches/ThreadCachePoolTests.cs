using SpanHeap.Caches;
using SpanHeap.Os;
using SpanHeap.Spans;
using SpanHeap.Tests.Support;

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
        long alive = heap.Core.Arenas.CacheBytes;
        Assert.InRange(alive, Threads * ThreadCache.Size, (Threads + 2) * ThreadCache.Size);

        LetDie(heap, workers);
        heap.Core.Orphans.DrainAll();

        Assert.Equal(Threads - KeptWarm, heap.Core.Registry.GivenBackCount);
        Assert.InRange(heap.Core.Arenas.CacheBytes, 0, ((KeptWarm + 2) * (long)ThreadCache.Size) + (Threads * (long)OsMemory.PageSize));
        heap.Verify();

        // Those that come take the caches over, and nothing of them is missing.
        StressWorker[] heirs = UseByThreads(heap);
        Assert.Equal((0, alive), (heap.Core.Registry.GivenBackCount, heap.Core.Arenas.CacheBytes));
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
        long before = heap.Core.Arenas.CacheBytes;
        Orphan(registry, Caches);
        heap.Core.Orphans.DrainAll();

        long stay = (KeptWarm * (long)ThreadCache.Size) + ((Caches - KeptWarm) * (long)OsMemory.PageSize);
        Assert.Equal(before + stay, heap.Core.Arenas.CacheBytes);

        // What is free of the limit serves blocks.
        void* rest = heap.Alloc((nuint)((Caches - KeptWarm - 4) * ThreadCache.Size));
        List<nint> adopted = [];
        for (ThreadCache* cache = registry.TryAttach(); cache != null; cache = registry.TryAttach())
        {
            adopted.Add((nint)cache);
        }

        Assert.InRange(adopted.Count, KeptWarm, Caches - 4);
        Assert.True(heap.Core.Arenas.BytesInUse <= heap.Core.Arenas.LimitBytes);
        heap.Free(rest);
        heap.Trim();
        Assert.True(registry.TryAttach() != null);
        heap.Verify();
    }

    [LinuxFact]
    [Unguarded("it counts pages of spans that many blocks share")]
    public void A_round_comes_to_caches_that_are_in_use_behind_many_that_are_not()
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
        StressWait.Until(
            () => { heap.Core.Registry.Poll(int.MaxValue); return heap.Core.Registry.OrphanCount == workers.Length; },
            () => $"{heap.Core.Registry.OrphanCount} orphans");
    }
}
