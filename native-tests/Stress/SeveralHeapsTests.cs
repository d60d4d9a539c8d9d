using SpanHeap.Caches;
using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Stress;

/// <summary>Heaps that come and go under the same numbers: what threads remember of one that is gone must not serve another.</summary>
[Collection(WholeProcess.Name)]
public sealed unsafe class SeveralHeapsTests
{
    private static readonly NativeHeapOptions s_still = new() { ScavengeDelay = Timeout.InfiniteTimeSpan };

    [Fact]
    public void A_thread_of_a_heap_that_is_gone_gets_a_cache_of_its_own_in_the_next()
    {
        NativeHeap gone = new(s_still);
        gone.Free(gone.Alloc(100));
        int number = gone.Core.Number;
        gone.Dispose();
        using NativeHeap next = new(s_still);
        Assert.Equal(number, next.Core.Number);

        next.Free(next.Alloc(100));

        ThreadCache* cache = StressHeap.CacheOf(next);
        Assert.True(cache != null && cache != next.Core.Central, "the thread works with the heap's central cache");
        Assert.True(ThreadCache.IsOwned(cache), "the thread works with a cache that no thread owns");
    }

    [Fact]
    public void Two_threads_of_a_heap_that_is_gone_never_share_a_cache_of_the_next()
    {
        using StressWorker first = new();
        using StressWorker second = new();
        for (int round = 0; round < 20; round++)
        {
            NativeHeap gone = new(s_still);
            first.Do(() => gone.Free(gone.Alloc(100)));
            second.Do(() => gone.Free(gone.Alloc(100)));
            gone.Dispose();

            // In the other order, so that the pool would give each the other's.
            using NativeHeap next = new(s_still);
            nint ofSecond = 0;
            nint ofFirst = 0;
            second.Do(() => { next.Free(next.Alloc(100)); ofSecond = (nint)StressHeap.CacheOf(next); });
            first.Do(() => { next.Free(next.Alloc(100)); ofFirst = (nint)StressHeap.CacheOf(next); });
            Assert.NotEqual(ofFirst, ofSecond);
            Assert.DoesNotContain((nint)next.Core.Central, new[] { ofFirst, ofSecond });
        }
    }

    [Fact]
    public void A_disposed_heap_refuses_even_when_its_caches_serve_another()
    {
        // The pool of caches gives back last what it got first: this thread's cache of the first heap goes to the second thread's of the next.
        using StressWorker worker = new();
        NativeHeap gone = new(s_still);
        gone.Free(gone.Alloc(100));
        nint cache = (nint)StressHeap.CacheOf(gone);
        worker.Do(() => gone.Free(gone.Alloc(100)));
        gone.Dispose();
        using NativeHeap next = new(s_still);
        nint block = 0;
        worker.Do(() =>
        {
            next.Free(next.Alloc(100));
            block = (nint)next.Alloc(100);
            Assert.Equal(cache, (nint)StressHeap.CacheOf(next));
        });

        Assert.Throws<ObjectDisposedException>(() => (nint)gone.Alloc(100));
        Assert.Throws<ObjectDisposedException>(() => gone.Free((void*)block));
        Assert.Throws<ObjectDisposedException>(() => (nint)gone.AlignedAlloc(100, 32));
        worker.Do(() => next.Free((void*)block));
        next.Verify();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void Many_heaps_at_once_keep_their_blocks_apart(int threads)
    {
        const int Heaps = 24;
        NativeHeap[] heaps = [.. Enumerable.Range(0, Heaps).Select(static _ => new NativeHeap(s_still))];
        StressThreads.Run(threads, number =>
        {
            StressRandom random = new((ulong)number);
            List<(NativeHeap Heap, ModelBlock Block)> blocks = [];
            for (int i = 0; i < 40_000; i++)
            {
                if (blocks.Count < 500 || random.OneIn(2))
                {
                    NativeHeap heap = heaps[random.Below(Heaps)];
                    nuint size = (nuint)random.Below(600);
                    ModelBlock block = new((nint)heap.Alloc(size), size, random.Next());
                    block.Fill();
                    blocks.Add((heap, block));
                }
                else
                {
                    FreeOne(blocks, random.Below(blocks.Count));
                }
            }

            while (blocks.Count > 0)
            {
                FreeOne(blocks, blocks.Count - 1);
            }
        });
        foreach (NativeHeap heap in heaps)
        {
            heap.Verify();
            Assert.Equal(0, heap.GetStatistics().LiveBlocks);
            heap.Dispose();
        }
    }

    private static void FreeOne(List<(NativeHeap Heap, ModelBlock Block)> blocks, int index)
    {
        (NativeHeap heap, ModelBlock block) = blocks[index];
        Assert.Equal(-1, block.FindDamage(block.Size));
        heap.Free((void*)block.Address);
        blocks[index] = blocks[^1];
        blocks.RemoveAt(blocks.Count - 1);
    }
}
