using SpanHeap.Tests.Support;
using SpanHeap.Traced;

namespace SpanHeap.Tests.Traced.Scopes;

[Trait("Category", "Protocol")]
public sealed unsafe class TracedThreadDeathTests
{
    [Fact]
    public void A_thread_that_adopts_a_cache_whose_thread_died_in_a_scope_and_enters_none_holds_up_no_other()
    {
        using TracedHeap heap = TracedHeaps.Still();
        StressThreads.RunOne(() => heap.Enter());
        using StressWorker adopter = new();
        adopter.Do(() => heap.Native.Free(heap.Native.Alloc(100)));
        Assert.Equal(1, heap.Native.GetStatistics().AdoptedCaches);
        heap.CollectAndSweep();
        Assert.Equal(0, heap.Parts.Collector.HeldUp);
    }

    [Fact]
    public void What_dead_threads_made_and_nothing_keeps_is_freed()
    {
        using TracedHeap heap = TracedHeaps.Still();
        for (int round = 0; round < 30; round++)
        {
            StressThreads.Run(4, _ =>
            {
                using TracedScope scope = heap.Enter();
                Make(scope, 501);
            });
        }

        heap.CollectAndSweep();

        Assert.Equal((0L, 0L), TracedCensus.Take(heap));
        Assert.Equal(30 * 4 * 501, heap.Parts.Statistics.SmallBlocksFreed);
    }

    [Fact]
    public void A_scope_that_its_thread_left_open_ends_with_it()
    {
        using TracedHeap heap = TracedHeaps.Still();
        TracedHandle<Node> kept = default;
        StressThreads.RunOne(() =>
        {
            TracedScope scope = heap.Enter();
            Make(scope, 100);
            kept = scope.Keep(scope.New<Node>());
        });

        heap.CollectAndSweep();

        Assert.Equal((1L, 0L), TracedCensus.Take(heap));
        kept.Dispose();
    }

    [Fact]
    public void A_thread_that_adopts_a_cache_whose_thread_died_in_a_scope_begins_anew()
    {
        using TracedHeap heap = TracedHeaps.Still();
        for (int round = 0; round < 50; round++)
        {
            StressThreads.RunOne(() =>
            {
                TracedScope scope = heap.Enter();
                heap.Enter();
                Make(scope, 100);
            });
            StressThreads.RunOne(() =>
            {
                using (TracedScope scope = heap.Enter())
                {
                    Make(scope, 10);
                }

                heap.CollectAndSweep();
                Assert.Equal((0L, 0L), TracedCensus.Take(heap));
            });
        }

        Assert.Equal(50 * 110, heap.Parts.Statistics.SmallBlocksFreed);
        Assert.InRange(heap.Native.GetStatistics().ThreadCaches + heap.Native.GetStatistics().OrphanCaches, 1, 4);
    }

    [Fact]
    public void Caches_of_threads_that_sleep_through_cycles_give_back_what_they_had()
    {
        using TracedHeap heap = new(new TracedHeapOptions { MinimumBytes = 1 << 18, ScavengeDelay = Timeout.InfiniteTimeSpan });
        StressWorker[] sleepers = [.. Enumerable.Range(0, 5).Select(static _ => new StressWorker())];
        TracedHandle<Node>[] kept = new TracedHandle<Node>[5];
        for (int round = 0; round < 20; round++)
        {
            for (int i = 0; i < 5; i++)
            {
                int number = i;
                sleepers[i].Do(() =>
                {
                    using TracedScope scope = heap.Enter();
                    kept[number].Dispose();
                    TracedRef<Node> node = scope.New<Node>();
                    node.Value.Value = number;
                    kept[number] = scope.Keep(node);
                    scope.NewArray<Node>(number * 10);
                });
            }

            // Several cycles, with only one thread awake.
            long before = heap.Parts.Collector.Cycles;
            while (heap.Parts.Collector.Cycles < before + 1 + (round % 4))
            {
                using TracedScope scope = heap.Enter();
                Make(scope, 1000);
            }

            using TracedScope look = heap.Enter();
            for (int i = 0; i < 5; i++)
            {
                Assert.Equal(i, kept[i].Get(look).Value.Value);
            }
        }

        heap.CollectAndSweep();
        Assert.Equal((5L, 0L), TracedCensus.Take(heap));
        Array.ForEach(sleepers, static sleeper => sleeper.Dispose());
        heap.CollectAndSweep();
        Assert.Equal((5L, 0L), TracedCensus.Take(heap));
    }

    [Fact]
    public void Heaps_that_come_and_go_leave_nothing_in_caches_that_the_next_one_takes()
    {
        for (int round = 0; round < 100; round++)
        {
            using TracedHeap heap = TracedHeaps.Still(round % 2 == 0 ? HeapChecks.Full : HeapChecks.Standard);
            StressThreads.Run(3, _ =>
            {
                TracedScope scope = heap.Enter();
                Make(scope, 100);
                scope.NewArray<Node>(50_000);
            });
            if (round % 3 == 0)
            {
                heap.CollectAndSweep();
                Assert.Equal((0L, 0L), TracedCensus.Take(heap));
            }
        }
    }

    private static void Make(TracedScope scope, int count)
    {
        for (int i = 0; i < count; i++)
        {
            TracedRef<Node> node = scope.New<Node>();
            Assert.True(node.Value.Left.IsNull && node.Value.Value == 0);
            node.Value.Value = i + 1;
            node.Value.Left.Set(scope, node);
        }
    }
}
