using SpanHeap.Tests.Support;
using SpanHeap.Tests.Traced.Collecting;
using SpanHeap.Tests.Traced.Layouts;
using SpanHeap.Traced;
using static SpanHeap.Tests.Traced.Sweeping.NurseryHeaps;

namespace SpanHeap.Tests.Traced.Sweeping;

/// <summary>Nurseries in each stage of a collection, and what the heap knows of them.</summary>
[Unguarded("a guarded block has a span of its own, in no nursery")]
public sealed class NurseryCycleTests
{
    [Fact]
    public void A_scope_gives_back_no_slots_while_the_heap_is_marked_although_a_nursery_is_due()
    {
        using TracedHeap heap = MakeDue(out _);
        ConcurrentCycle.Begin(heap);
        heap.Enter().Dispose();

        ConcurrentCycle.Mark(heap);
        ConcurrentCycle.End(heap);
    }

    [Fact]
    public void A_scope_gives_back_no_slots_while_records_are_judged_although_a_nursery_is_due()
    {
        using TracedHeap heap = MakeDue(out _);
        ConcurrentCycle.Begin(heap);
        ConcurrentCycle.Mark(heap);
        ConcurrentCycle.JudgeRecords(heap);
        heap.Enter().Dispose();

        heap.Parts.Marking.TakeDead();
        ConcurrentCycle.EndJudged(heap);
    }

    [Fact]
    public void What_leaves_a_nursery_at_the_end_of_a_scope_makes_a_collection_due()
    {
        using TracedHeap heap = Make(new TracedHeapOptions { MinimumBytes = 1 << 20, IdleDelay = Timeout.InfiniteTimeSpan });
        TracedHandle<Node> kept;
        using (TracedScope scope = heap.Enter())
        {
            kept = scope.Keep(MakeChain(scope, 1_000_000));
        }

        for (int i = 0; i < 1000; i++)
        {
            using TracedScope scope = heap.Enter();
            kept.Get(scope);
        }

        TracedStatistics statistics = heap.GetStatistics();
        Assert.True(statistics.Collections > 0 || statistics.LiveBytes >= 32_000_000, $"{statistics.Collections} collections, {statistics.LiveBytes} live bytes");
    }

    [Fact]
    public void A_scope_that_makes_blocks_without_end_is_reported()
    {
        using TracedHeap heap = Make(new TracedHeapOptions { MinimumBytes = 1 << 20, IdleDelay = Timeout.InfiniteTimeSpan });
        int reports = 0;
        heap.CollectionHeldUp += (_, _) => reports++;
        using TracedScope outer = heap.Enter();
        for (int i = 0; i < 1000; i++)
        {
            using TracedScope scope = heap.Enter();
            MakeChain(scope, 1000);
        }

        Assert.NotEqual(0, reports);
    }

    [Theory]
    [InlineData(false, false, 11)]
    [InlineData(true, false, 12)]
    [InlineData(false, true, 13)]
    [InlineData(true, true, 14)]
    public void Random_graphs_lose_nothing_while_concurrent_collections_mark(bool generational, bool judges, int seed)
    {
        using TracedHeap heap = Make(new TracedHeapOptions { Generational = generational, MinimumBytes = 1 << 18, VerifyMarking = true, Priority = CollectionPriority.Latency, MarkThreads = 4 });
        heap.Parts.Nursery.IsCautious = seed % 2 == 0;
        heap.Parts.Marking.RecordsWhileClosed = judges ? -1 : 8192;
        ChurnAndCompare(heap, seed, rounds: 2, scopesPerCollection: 500);
    }

    [Fact]
    public void A_thread_that_dies_in_a_scope_of_each_stage_leaves_a_sound_heap()
    {
        using TracedHeap heap = Make(Quiet());
        Action dies = () => MakeChain(heap.Enter(), 5000);
        for (int i = 0; i < 3; i++)
        {
            StressThreads.RunOne(dies);
            ConcurrentCycle.Begin(heap);
            StressThreads.RunOne(dies);
            ConcurrentCycle.Mark(heap);
            ConcurrentCycle.JudgeRecords(heap);
            StressThreads.RunOne(dies);
            heap.Parts.Marking.TakeDead();
            ConcurrentCycle.EndJudged(heap);
            ConcurrentCycle.Begin(heap);
            StressThreads.RunOne(dies);
            ConcurrentCycle.Abandon(heap);
            StressThreads.RunOne(dies);
            heap.Verify();
        }

        heap.CollectAndSweep();
        heap.CollectAndSweep();
        Assert.Equal((0L, 0L), TracedCensus.Take(heap));
    }

    private static TracedHeapOptions Quiet() => new()
    {
        MinimumBytes = nuint.MaxValue >> 2,
        IdleDelay = Timeout.InfiniteTimeSpan,
        Priority = CollectionPriority.Latency,
        VerifyMarking = true,
    };

    private static unsafe TracedHeap MakeDue(out TracedHandle<Node> kept)
    {
        TracedHeap heap = Make(Quiet());
        using (TracedScope scope = heap.Enter())
        {
            kept = scope.Keep(MakeChain(scope, 10));
        }

        using (TracedScope scope = heap.Enter())
        {
            kept.Set(scope, MakeChain(scope, 1000));
            Assert.True(heap.Parts.Caches.FindOwn()->Nursery.IsDue);
        }

        return heap;
    }
}
