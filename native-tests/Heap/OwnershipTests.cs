using System.Runtime.CompilerServices;
using SpanHeap.Caches;
using SpanHeap.Tests.Support;
using SpanHeap.Threads;

namespace SpanHeap.Tests.Heap;

/// <summary>A dead thread's cache is handed over once, however many notice the death, and however late.</summary>
[Collection(WholeProcess.Name)]
public sealed unsafe class OwnershipTests
{
    [Fact]
    public void A_collection_after_a_cache_was_adopted_by_poll_changes_nothing()
    {
        using NativeHeap heap = StressHeap.Still();
        nint left = LeaveCacheBehind(heap);
        using StressWorker adopter = new();
        nint adopted = 0;
        long ownership = 0;
        adopter.Do(() =>
        {
            heap.Free(heap.Alloc(100));
            adopted = (nint)StressHeap.CacheOf(heap);
            ownership = ((ThreadCache*)adopted)->Ownership;
        });
        Assert.Equal(left, adopted);

        CollectAll();

        Assert.Equal(0, heap.Core.Registry.OrphanCount);
        Assert.Equal(ownership, ((ThreadCache*)adopted)->Ownership);
        adopter.Do(() => StressHeap.FreeAll(heap, StressHeap.AllocateMany(heap, 2000, 100)));
        heap.Verify();
    }

    [Fact]
    public void A_collection_finds_dead_threads_once()
    {
        using NativeHeap heap = StressHeap.Still();
        LeaveCacheBehind(heap);

        StressWait.Until(() => { CollectAll(); return heap.Core.Registry.OrphanCount == 1; }, static () => "no orphan");

        heap.Core.Registry.Poll(int.MaxValue);
        Assert.Equal(1, heap.Core.Registry.OrphanCount);
    }

    [Fact]
    public void An_orphan_is_not_orphaned_again()
    {
        using NativeHeap heap = StressHeap.Still();
        ThreadCache* cache = (ThreadCache*)LeaveCacheBehind(heap);
        long incarnation = cache->Ownership;
        Assert.True(heap.Core.Registry.TryOrphan(cache, incarnation));

        Assert.False(heap.Core.Registry.TryOrphan(cache, incarnation), "by the incarnation that is over");
        Assert.False(heap.Core.Registry.TryOrphan(cache, cache->Ownership), "by the ownership that a poll reads between two steps of another");
        Assert.Equal(1, heap.Core.Registry.OrphanCount);
    }

    [Fact]
    public void A_drained_orphan_is_adopted_after_those_that_have_something_to_inherit()
    {
        using NativeHeap heap = StressHeap.Still();
        CacheRegistry registry = heap.Core.Registry;
        using Barrier together = new(2);
        StressThreads.Run(2, _ => { heap.Free(heap.Alloc(50)); together.SignalAndWait(); });
        StressHeap.WaitForOrphans(heap, 2);

        nint drained = (nint)registry.TakeOrphan();
        registry.ReturnOrphan((ThreadCache*)drained);
        nint next = (nint)registry.TakeOrphan();

        Assert.NotEqual(drained, next);
        Assert.True((nint)registry.TakeOrphan() == drained, "the drained one is lost");
        registry.ReturnOrphan((ThreadCache*)drained);
        registry.ReturnOrphan((ThreadCache*)next);
        Assert.Equal(2, registry.OrphanCount);
    }

    [Fact]
    public void A_stale_incarnation_cannot_take_the_cache_from_its_next_owner()
    {
        using NativeHeap heap = StressHeap.Still();
        ThreadCache* cache = (ThreadCache*)LeaveCacheBehind(heap);
        long stale = cache->Ownership;
        heap.Free(heap.Alloc(100));
        Assert.True(StressHeap.CacheOf(heap) == cache, "the cache was not adopted");

        Assert.False(heap.Core.Registry.TryOrphan(cache, stale));
        Assert.True(ThreadCache.IsOwned(cache));
    }

    [Fact]
    public void An_incarnation_of_a_heap_that_is_gone_means_nothing()
    {
        NativeHeap heap = StressHeap.Still();
        CacheRegistry registry = heap.Core.Registry;
        ThreadCache* cache = (ThreadCache*)LeaveCacheBehind(heap);
        long stale = cache->Ownership;
        heap.Dispose();

        Assert.False(registry.TryOrphan(cache, stale));
        Assert.Equal(0, registry.OrphanCount);
    }

    [Fact]
    public void Many_threads_that_notice_a_death_at_once_make_one_orphan_of_it()
    {
        const int Dying = 12;
        using NativeHeap heap = StressHeap.Still();
        CacheRegistry registry = heap.Core.Registry;
        using StressWorker keeper = new();
        for (int round = 0; round < 60; round++)
        {
            using Barrier together = new(Dying);
            StressThreads.Run(Dying, _ => { heap.Free(heap.Alloc(50)); together.SignalAndWait(); });
            using Barrier start = new(4);
            StressThreads.Run(4, _ =>
            {
                start.SignalAndWait();
                registry.Poll(int.MaxValue);
            });

            // A thread that was joined may be a thread to the C library for a moment longer.
            StressWait.Until(
                () =>
                {
                    registry.Poll(int.MaxValue);
                    return registry.OrphanCount >= Dying;
                },
                static () => "not all dead threads were noticed");

            // Each once, or the list of orphans is a ring.
            HashSet<nint> orphans = [];
            for (ThreadCache* orphan = registry.TakeOrphan(); orphan != null; orphan = registry.TakeOrphan())
            {
                Assert.True(orphans.Add((nint)orphan), "a cache is in the list of orphans twice");
            }

            Assert.Equal(Dying, orphans.Count);
            foreach (nint orphan in orphans)
            {
                registry.ReturnOrphan((ThreadCache*)orphan);
            }
        }
    }

    // Gives the address of the cache of a thread that is dead.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static nint LeaveCacheBehind(NativeHeap heap)
    {
        nint cache = 0;
        ThreadIdentity thread = ThreadIdentity.None;
        StressThreads.RunOne(() =>
        {
            StressHeap.FreeAll(heap, StressHeap.AllocateMany(heap, 300, 100));
            cache = (nint)StressHeap.CacheOf(heap);
            thread = ThreadIdentity.OfCurrent();
        });

        // A thread that was joined may be a thread to the C library for a moment longer.
        StressWait.Until(() => thread.IsDead, static () => "the thread lives");
        return cache;
    }

    private static void CollectAll()
    {
        for (int i = 0; i < 3; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
    }
}
