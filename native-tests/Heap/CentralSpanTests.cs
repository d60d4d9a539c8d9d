using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Heap;

/// <summary>Spans that come back from the central cache bring blocks in use along.</summary>
public sealed unsafe class CentralSpanTests
{
    [Fact]
    public void A_stack_holds_no_more_than_its_magazine_when_a_span_with_many_blocks_in_use_is_taken_over()
    {
        const int Size = 64;
        using NativeHeap heap = StressHeap.Restless();
        nint[] left = [];
        StressThreads.RunOne(() => left = StressHeap.AllocateMany(heap, 500, Size));
        StressWait.Until(() => heap.GetStatistics() is { OrphanCaches: 1, CachedBlocks: 0 }, static () => "the dead thread's stacks are not drained");

        // Leaves the orphan to another, so that this thread finds the span in the middle.
        using StressWorker adopter = new();
        adopter.Do(() => heap.Free(heap.Alloc(4000)));
        using StressWorker other = new();
        other.Do(() =>
        {
            heap.Free(heap.Alloc(Size));
            heap.Verify();
            StressHeap.FreeAll(heap, left);
        });
        heap.Verify();
        Assert.Equal((0L, 0L), (heap.GetStatistics().LiveBlocks, heap.GetStatistics().MisuseCount));
    }

    [Fact]
    public void Statistics_of_a_heap_in_use_are_close_and_harmless()
    {
        using NativeHeap heap = StressHeap.Restless(delayMilliseconds: 4);
        using CancellationTokenSource stop = new();
        Thread[] busy = [.. Enumerable.Range(0, 2).Select(number => new Thread(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                StressHeap.FreeAll(heap, StressHeap.AllocateMany(heap, 2000, 24 + (number * 300)));
            }
        }))];
        Array.ForEach(busy, static thread => thread.Start());
        for (int i = 0; i < 2000; i++)
        {
            HeapStatistics seen = heap.GetStatistics();
            Assert.InRange(seen.PagesInUse, 0, 10_000);
            heap.Contains((void*)(0x1000 * (nint)i));
        }

        stop.Cancel();
        Array.ForEach(busy, static thread => thread.Join());
        heap.Verify();
    }

    [Fact]
    public void A_thread_whose_first_call_moves_a_block_has_one_cache()
    {
        using NativeHeap heap = StressHeap.Still();
        void* block = heap.Alloc(100);
        int before = heap.GetStatistics().ThreadCaches;
        using StressWorker worker = new();
        worker.Do(() => block = heap.Realloc(block, 5000));
        Assert.Equal(before + 1, heap.GetStatistics().ThreadCaches);
        heap.Free(block);
    }
}
