using SpanHeap.Tests.Support;
using SpanHeap.Traced;
using SpanHeap.Traced.Layouts;
using SpanHeap.Traced.Sweeping;

namespace SpanHeap.Tests.Traced.Sweeping;

/// <summary>The records of threads that have been in a scope.</summary>
public sealed unsafe class TracedCacheTests
{
    [Fact]
    public void Threads_that_sleep_after_a_scope_cost_a_few_kibibytes_each()
    {
        const int Threads = 40;
        using TracedHeap heap = TracedHeaps.Still();
        heap.Enter().Dispose();
        nuint before = heap.Core.Metadata.UsedBytes;
        StressWorker[] threads = [.. Enumerable.Range(0, Threads).Select(static _ => new StressWorker())];
        foreach (StressWorker thread in threads)
        {
            thread.Do(() =>
            {
                using TracedScope scope = heap.Enter();
                scope.New<Node>();
            });
        }

        // Records come from pieces of 256 KiB.
        Assert.InRange(heap.Core.Metadata.UsedBytes - before, 0u, (nuint)(Threads * 8 << 10) + (256 << 10));
        heap.CollectAndSweep();
        Array.ForEach(threads, static thread => thread.Dispose());
    }

    [Fact]
    public void Sleeping_threads_do_not_make_collections_more_frequent()
    {
        const int Threads = 60;
        using TracedHeap heap = new(new TracedHeapOptions { SoftMemoryLimit = 12 << 20 });
        StressWorker[] threads = [.. Enumerable.Range(0, Threads).Select(static _ => new StressWorker())];
        long alone = Collections(heap);
        Array.ForEach(threads, thread => thread.Do(() =>
        {
            using TracedScope scope = heap.Enter();
            scope.New<Node>();
        }));
        long beside = Collections(heap);
        Array.ForEach(threads, static thread => thread.Dispose());
        Assert.InRange(beside, 1, 2 * alone);
    }

    [Fact]
    public void A_thread_may_use_kinds_of_many_blocks_of_cursors()
    {
        const int Kinds = 3 * (int)CursorBlock.Classes;
        using TracedHeap heap = TracedHeaps.Still();
        for (int round = 0; round < 3; round++)
        {
            using (TracedScope scope = heap.Enter())
            {
                for (int i = 0; i < Kinds; i++)
                {
                    int words = 2 + (i % 48);
                    TracedRef<byte> made = scope.NewBytes(TracedLayout.OfFields(words * 8, 0, (words - 1) * 8), (words * 8) + (i / 48 * 512));
                    TracedHandle<byte> kept = scope.Keep(made);
                    if (i % 2 == 0)
                    {
                        kept.Dispose();
                    }
                }
            }

            heap.CollectAndSweep();
        }

        Assert.Equal(3 * Kinds / 2, heap.GetStatistics().Handles);
        TracedCensus.AssertIdentities(heap);
    }

    [Fact]
    public void What_caches_share_before_they_have_cursors_stays_empty()
    {
        Assert.Equal(-1, new Span<byte>(CursorBlock.Empty, (int)CursorBlock.Bytes).IndexOfAnyExcept((byte)0));
        Assert.Equal(CursorBlock.Classes * 2, CursorBlock.FirstClassAfter(CursorBlock.Classes));
        Assert.Equal(CursorBlock.Classes, CursorBlock.FirstClassAfter(SpanClasses.None));
    }

    // Of a heap that makes 32 MiB of garbage.
    private static long Collections(TracedHeap heap)
    {
        long before = heap.GetStatistics().Collections;
        for (int i = 0; i < 500; i++)
        {
            using TracedScope scope = heap.Enter();
            scope.NewValues<byte>((64 << 10) - 8);
        }

        return heap.GetStatistics().Collections - before;
    }
}
