using SpanHeap.Caches;
using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Threads;

/// <summary>Where a thread finds its caches, and where it must not.</summary>
public sealed unsafe class ThreadTableTests
{
    [Fact]
    public void A_thread_finds_no_cache_in_a_heap_that_it_never_used_though_heap_numbers_and_caches_are_reused()
    {
        for (int round = 0; round < 200; round++)
        {
            using NativeHeap heap = HeapMaker.New();
            Assert.True(Find(heap) == ThreadCache.None, $"in round {round} a cache was found: the central one: {Find(heap) == heap.Core.Central}");
            heap.Free(heap.Alloc(16));
            Assert.True(Find(heap) != ThreadCache.None && Find(heap) != heap.Core.Central);
        }
    }

    [Fact]
    public void Two_living_threads_never_have_the_same_cache()
    {
        for (int round = 0; round < 100; round++)
        {
            using NativeHeap heap = HeapMaker.New();
            using Barrier barrier = new(3);
            var found = new nint[3];
            Thread[] threads = [.. Enumerable.Range(0, 2).Select(i => new Thread(() =>
            {
                // The second heap of a thread meets what it remembers of the first.
                using (NativeHeap earlier = HeapMaker.New())
                {
                    earlier.Alloc(16);
                }

                heap.Alloc(16);
                found[i] = (nint)Find(heap);
                barrier.SignalAndWait();
            }))];
            Array.ForEach(threads, static thread => thread.Start());
            heap.Alloc(16);
            found[2] = (nint)Find(heap);
            barrier.SignalAndWait();
            Array.ForEach(threads, static thread => thread.Join());
            Assert.Equal(3, found.Distinct().Count());
            Assert.DoesNotContain((nint)heap.Core.Central, found);
        }
    }

    [Fact]
    public void A_thread_finds_its_own_cache_in_each_of_many_heaps()
    {
        NativeHeap[] heaps = [.. Enumerable.Range(0, 100).Select(static _ => HeapMaker.New())];
        Array.ForEach(heaps, static heap => heap.Alloc(16));
        Assert.Equal(heaps.Length, heaps.Select(static heap => (nint)Find(heap)).Distinct().Count());
        Assert.All(heaps, static heap => Assert.Equal(heap.Core.Serial, Find(heap)->Owner.HeapSerial));
        Array.ForEach(heaps, static heap => heap.Dispose());
    }

    private static ThreadCache* Find(NativeHeap heap) => heap.Core.FindOwnCache();
}
