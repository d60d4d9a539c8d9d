using SpanHeap.Tests.Support;
using SpanHeap.Tests.Traced.CleanUps;
using SpanHeap.Tests.Traced.Roots;
using SpanHeap.Traced;

namespace SpanHeap.Tests.Traced.Collecting;

/// <summary>Weak handles and clean-ups that are looked at while threads go on are to threads as if that were done at once.</summary>
public sealed class ConcurrentRecordsTests
{
    [Fact]
    public void A_weak_handle_of_a_dead_block_names_nothing_from_when_marks_are_complete()
    {
        using TracedHeap heap = ConcurrentCycle.MakeHeap();
        TracedWeakHandle<Node> dead = WeakHandles.Make(heap, 1);
        (TracedHandle<Node> kept, TracedWeakHandle<Node> alive) = WeakHandles.MakePair(heap, 2);
        ConcurrentCycle.Begin(heap);
        Assert.Equal((true, true), (dead.IsAlive, alive.IsAlive));

        ConcurrentCycle.JudgeRecords(heap);
        Assert.Equal((false, true), (dead.IsAlive, alive.IsAlive));
        Assert.Equal((null, 2L), (WeakHandles.ValueOf(heap, dead), WeakHandles.ValueOf(heap, alive)));
        Assert.Equal(0, heap.Parts.WeakHandles.Cleared);

        heap.Parts.Cycle.TakeDead();
        Assert.Equal(1, heap.Parts.WeakHandles.Cleared);
        Assert.Equal((false, true), (dead.IsAlive, alive.IsAlive));
        ConcurrentCycle.EndJudged(heap);
        Assert.Equal((null, 2L), (WeakHandles.ValueOf(heap, dead), WeakHandles.ValueOf(heap, alive)));
        Assert.Equal((1L, 0L), TracedCensus.Take(heap));
        kept.Dispose();
    }

    [Fact]
    public void A_weak_handle_that_is_made_meanwhile_names_its_block_until_the_next_collection()
    {
        using TracedHeap heap = ConcurrentCycle.MakeHeap();
        TracedWeakHandle<Node> dead = WeakHandles.Make(heap, 1);
        ConcurrentCycle.Begin(heap);
        ConcurrentCycle.JudgeRecords(heap);

        // It gets the slot of the one that names a dead block.
        dead.Dispose();
        TracedWeakHandle<Node> made = WeakHandles.Make(heap, 2);
        Assert.Equal((true, 2), (made.IsAlive, WeakHandles.ValueOf(heap, made)));
        heap.Parts.Cycle.TakeDead();
        ConcurrentCycle.EndJudged(heap);
        Assert.Equal((true, 2), (made.IsAlive, WeakHandles.ValueOf(heap, made)));
        Assert.Equal((1L, 0L), TracedCensus.Take(heap));
        heap.Collect();
        Assert.False(made.IsAlive);
    }

    [Fact]
    public void Clean_ups_that_are_added_meanwhile_wait_for_their_blocks()
    {
        const int Before = 5000;
        using TracedHeap heap = ConcurrentCycle.MakeHeap();
        CleanUpLog log = new();
        TracedHandle<Node> kept;
        using (TracedScope scope = heap.Enter())
        {
            TracedRef<Node> live = scope.New<Node>();
            TracedRef<Node> dead = scope.New<Node>();
            kept = scope.Keep(live);
            for (int i = 0; i < Before; i++)
            {
                log.Register(scope, i % 2 == 0 ? live : dead, $"{i}");
            }
        }

        ConcurrentCycle.Begin(heap);
        ConcurrentCycle.JudgeRecords(heap);
        log.Register(heap, "meanwhile").Dispose();
        heap.Parts.Cycle.TakeDead();
        log.Register(heap, "later").Dispose();
        ConcurrentCycle.EndJudged(heap);
        heap.RunCleanUps();
        Assert.Equal(Enumerable.Range(0, Before / 2).Select(static i => $"{(2 * i) + 1}"), log.Lines);

        kept.Dispose();
        heap.Collect();
        heap.RunCleanUps();
        Assert.Equal([.. Enumerable.Range(0, Before / 2).Select(static i => $"{2 * i}"), "meanwhile", "later"], log.Lines.Skip(Before / 2));
    }

    [Fact]
    public void Cancelled_clean_ups_go_although_their_block_lives()
    {
        const int Cancelled = 20_000;
        using TracedHeap heap = ConcurrentCycle.MakeHeap();
        CleanUpLog log = new();
        TracedHandle<Node> kept;
        using (TracedScope scope = heap.Enter())
        {
            TracedRef<Node> live = scope.New<Node>();
            kept = scope.Keep(live);
            List<TracedCleanUp> made = [];
            for (int i = 0; i < Cancelled; i++)
            {
                made.Add(log.Register(scope, live, $"{i}"));
            }

            made.Skip(1).ToList().ForEach(static cleanUp => cleanUp.Dispose());
        }

        ConcurrentCycle.Begin(heap);
        ConcurrentCycle.JudgeRecords(heap);
        heap.Parts.Cycle.TakeDead();
        ConcurrentCycle.EndJudged(heap);
        Assert.Equal(1, heap.Parts.CleanUps.Count);
        kept.Dispose();
    }

    [Theory]
    [InlineData(0, 3)]
    [InlineData(int.MaxValue, 2)]
    public void The_gate_closes_once_more_if_there_are_many_records(int recordsWhileClosed, int closures)
    {
        using TracedHeap heap = ConcurrentHeaps.MakeStill();
        heap.Parts.Marking.RecordsWhileClosed = recordsWhileClosed;
        WeakHandles.Make(heap, 1);
        heap.Collect();
        long before = heap.Parts.Collector.Pauses.Count;
        ConcurrentHeaps.Collect(heap);
        Assert.Equal(closures, heap.Parts.Collector.Pauses.Count - before);
    }

    [Fact]
    public void A_collection_that_is_given_up_meanwhile_keeps_what_lives()
    {
        using TracedHeap heap = ConcurrentCycle.MakeHeap();
        TracedWeakHandle<Node> dead = WeakHandles.Make(heap, 1);
        (TracedHandle<Node> kept, TracedWeakHandle<Node> alive) = WeakHandles.MakePair(heap, 2);
        ConcurrentCycle.Begin(heap);
        ConcurrentCycle.JudgeRecords(heap);
        heap.Parts.Cycle.TakeDead();
        ConcurrentCycle.Abandon(heap);
        Assert.False(heap.Parts.WeakHandles.IsJudged);
        Assert.Equal((false, true), (dead.IsAlive, alive.IsAlive));
        heap.CollectAndSweep();
        Assert.Equal((false, true), (dead.IsAlive, alive.IsAlive));
        Assert.Equal((1L, 0L), TracedCensus.Take(heap));
        kept.Dispose();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Over_20_collections_weak_handles_and_clean_ups_are_as_with_the_gate_closed(bool isGenerational)
    {
        Assert.Equal(Play(isConcurrent: false, isGenerational), Play(isConcurrent: true, isGenerational));
    }

    [Fact]
    public void Threads_make_and_dispose_records_while_others_are_looked_at()
    {
        const int Kept = 50;
        using TracedHeap heap = ConcurrentHeaps.Make();
        heap.Parts.Marking.RecordsWhileClosed = 0;
        int ran = 0;
        int registered = 0;
        StressThreads.Run(3, number =>
        {
            StressRandom random = new((ulong)number + 1);
            Queue<(TracedHandle<Node> Kept, TracedWeakHandle<Node> Weak, long Value)> alive = [];
            Queue<TracedWeakHandle<Node>> dead = [];
            for (long i = 0; i < 20_000; i++)
            {
                if (number == 2)
                {
                    ConcurrentHeaps.MakeGarbage(heap, 200);
                    i += 99;
                    continue;
                }

                (TracedHandle<Node> kept, TracedWeakHandle<Node> weak) = WeakHandles.MakePair(heap, i);
                alive.Enqueue((kept, weak, i));
                if (random.OneIn(4))
                {
                    using TracedScope scope = heap.Enter();
                    scope.OnDead(kept.Get(scope), _ => Interlocked.Increment(ref ran), 0);
                    Interlocked.Increment(ref registered);
                }

                if (alive.Count > Kept)
                {
                    (kept, weak, long value) = alive.Dequeue();
                    Assert.Equal(value, WeakHandles.ValueOf(heap, weak));
                    kept.Dispose();
                    dead.Enqueue(weak);
                }

                if (dead.Count > Kept)
                {
                    long? value = WeakHandles.ValueOf(heap, dead.Peek());
                    Assert.True(value == null || value < i, $"The block of another handle was given: {value}.");
                    dead.Dequeue().Dispose();
                }
            }
        });
        heap.Parts.Collector.AwaitEnd();
        Assert.NotEqual(0, heap.GetStatistics().Collections);
        heap.Verify();
        heap.RunCleanUps();
        Assert.InRange(ran, 0, registered);
        Assert.True(heap.GetStatistics().WeakHandlesCleared > 0);
    }

    // What became of the weak handles and clean-ups of blocks that a program makes and drops, by the collection.
    private static List<string> Play(bool isConcurrent, bool isGenerational)
    {
        using TracedHeap heap = new(new TracedHeapOptions
        {
            MinimumBytes = nuint.MaxValue >> 2,
            ScavengeDelay = Timeout.InfiniteTimeSpan,
            IdleDelay = Timeout.InfiniteTimeSpan,
            Priority = isConcurrent ? CollectionPriority.Latency : CollectionPriority.Throughput,
            Generational = isGenerational,
            VerifyMarking = true,
        });
        heap.Parts.Marking.RecordsWhileClosed = 0;
        StressRandom random = new(20);
        CleanUpLog log = new();
        List<string> seen = [];
        List<(TracedHandle<Node> Kept, TracedWeakHandle<Node> Weak, TracedCleanUp CleanUp)> all = [];
        for (int collection = 0; collection < 20; collection++)
        {
            for (int i = 0; i < 300; i++)
            {
                Step(heap, random, all, log);
            }

            if (isConcurrent)
            {
                ConcurrentHeaps.Collect(heap);
                Assert.True(heap.LastCollection!.IsConcurrent);
            }
            else
            {
                heap.Collect();
            }

            heap.RunCleanUps();
            seen.Add(string.Concat(all.Select(static record => record.Weak.IsAlive ? '1' : '0')));
            seen.Add(string.Concat(all.Select(record => WeakHandles.IsNothing(heap, record.Weak) ? '0' : '1')));
            TracedStatistics now = heap.GetStatistics();
            seen.Add($"{now.WeakHandles} {now.WeakHandlesCleared} {now.CleanUpsRun} {now.CleanUpsCancelled}");
            heap.Verify();
        }

        seen.AddRange(log.Lines);
        return seen;
    }

    private static void Step(TracedHeap heap, StressRandom random, List<(TracedHandle<Node> Kept, TracedWeakHandle<Node> Weak, TracedCleanUp CleanUp)> all, CleanUpLog log)
    {
        switch (random.Below(5))
        {
            case 0 or 1:
                using (TracedScope scope = heap.Enter())
                {
                    TracedRef<Node> node = scope.New<Node>();
                    all.Add((scope.Keep(node), scope.KeepWeak(node), log.Register(scope, node, $"{all.Count}")));
                }

                break;
            case 2 when all.Count > 0:
                all[random.Below(all.Count)].Kept.Dispose();
                break;
            case 3 when all.Count > 0:
                all[random.Below(all.Count)].CleanUp.Dispose();
                break;
            case 4 when all.Count > 100:
                int last = random.Below(all.Count);
                all[last].Weak.Dispose();
                all[last].Kept.Dispose();
                all.RemoveAt(last);
                break;
        }
    }
}
