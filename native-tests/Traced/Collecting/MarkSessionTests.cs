using SpanHeap.Tests.Support;
using SpanHeap.Tests.Traced.Marking;
using SpanHeap.Traced;

namespace SpanHeap.Tests.Traced.Collecting;

/// <summary>Collectable blocks live as the program says, and until it says.</summary>
public sealed class MarkSessionTests
{
    [Theory]
    [InlineData(HeapChecks.Standard, false)]
    [InlineData(HeapChecks.Full, false)]
    [InlineData(HeapChecks.Full, true)]
    public void What_is_marked_lives_and_the_rest_goes(HeapChecks checks, bool checkmark)
    {
        using TracedHeap heap = New(checks, checkmark);
        nint[] small = Collectables.Make(heap, 5000, 48);
        nint[] large = Collectables.Make(heap, 20, 100_000);
        using (MarkSession marking = heap.BeginMark())
        {
            for (int i = 0; i < small.Length; i += 2)
            {
                marking.Mark(small[i]);
                marking.Mark(small[i]);
            }

            for (int i = 0; i < large.Length; i += 2)
            {
                marking.Mark(large[i]);
            }

            marking.Mark(0);
            marking.Complete();
        }

        Collectables.AssertLeft(heap, 2500, 10);
        Assert.Equal(1, heap.GetStatistics().Collections);
        Collectables.Mark(heap, []);
        Collectables.AssertLeft(heap, 0, 0);
    }

    [Theory]
    [InlineData(HeapChecks.Standard, false)]
    [InlineData(HeapChecks.Full, false)]
    [InlineData(HeapChecks.Full, true)]
    public void Other_collections_keep_all_of_them_and_their_contents(HeapChecks checks, bool checkmark)
    {
        using TracedHeap heap = New(checks, checkmark);
        Collectables.Make(heap, 1000, 48);
        Collectables.Make(heap, 5, 100_000);
        for (int round = 0; round < 3; round++)
        {
            using (TracedScope scope = heap.Enter())
            {
                scope.New<Node>();
            }

            heap.CollectAndSweep();
            Collectables.AssertLeft(heap, 1000, 5);
        }

        Assert.Equal(3, heap.GetStatistics().SmallBlocksFreed);
        Assert.InRange(heap.GetStatistics().LiveBytes, (1000 * 48) + (5 * 100_000), (1000 * 48) + (5 * 106_496));
    }

    [Fact]
    public void Collections_that_come_as_the_heap_grows_keep_them_too_and_free_what_they_left()
    {
        using TracedHeap heap = new(new TracedHeapOptions { MinimumBytes = 1 << 18 });
        List<nint> made = [];
        for (int round = 0; round < 2000; round++)
        {
            using TracedScope scope = heap.Enter();
            for (int i = 0; i < 50; i++)
            {
                scope.New<Node>();
            }

            nint block = scope.NewCollectable(32).Address;
            unsafe
            {
                *(long*)block = round;
            }

            made.Add(block);
        }

        Assert.InRange(heap.GetStatistics().Collections, 3, 1000);
        Assert.Equal(2000, made.Distinct().Count());
        for (int round = 0; round < 2000; round++)
        {
            unsafe
            {
                Assert.Equal(round, *(long*)made[round]);
            }
        }

        heap.CollectAndSweep();
        Collectables.AssertLeft(heap, 2000, 0);
    }

    [Fact]
    public void A_session_that_is_not_completed_frees_nothing()
    {
        using TracedHeap heap = TracedHeaps.Still();
        nint[] blocks = Collectables.Make(heap, 1000, 48);
        Collectables.MakeNode(heap);
        using (MarkSession marking = heap.BeginMark())
        {
            marking.Mark(blocks[0]);
        }

        heap.Verify();
        Collectables.AssertLeft(heap, 1001, 0);
        Assert.Equal(0, heap.GetStatistics().Collections);
        heap.CollectAndSweep();
        Collectables.AssertLeft(heap, 1000, 0);
    }

    [Fact]
    public void Roots_and_live_blocks_keep_what_they_refer_to_in_a_session_as_always()
    {
        using TracedHeap heap = TracedHeaps.Still();
        nint[] blocks = Collectables.Make(heap, 10, 48);
        TracedWeakHandle<byte> weak;
        int died = 0;
        using (TracedScope scope = heap.Enter())
        {
            scope.Keep(scope.At<byte>(blocks[3]));
            TracedRef<Node> node = scope.New<Node>();
            scope.Keep(node);
            node.Value.Left.Set(scope, scope.At<Node>(blocks[4]));
            scope.New<Node>();
            weak = scope.KeepWeak(scope.At<byte>(blocks[4]));
            for (int i = 0; i < blocks.Length; i++)
            {
                scope.OnDead(scope.At<byte>(blocks[i]), _ => died++, 0);
            }
        }

        using (MarkSession marking = heap.BeginMark())
        {
            marking.Mark(blocks[5]);
            marking.Complete();
        }

        heap.RunCleanUps();
        Assert.Equal((7, true), (died, weak.IsAlive));
        Collectables.AssertLeft(heap, 4, 0);
    }

    [Fact]
    public void Others_wait_till_the_session_ends()
    {
        using TracedHeap heap = TracedHeaps.Still();
        Thread[] threads;
        using (MarkSession marking = heap.BeginMark())
        {
            threads = [new Thread(() => Collectables.MakeNode(heap)), new Thread(heap.Collect), new Thread(() => Collectables.Mark(heap, []))];
            Array.ForEach(threads, static thread => thread.Start());
            foreach (Thread thread in threads)
            {
                Assert.False(thread.Join(20));
            }

            marking.Complete();
        }

        Array.ForEach(threads, static thread => thread.Join());
        Assert.Equal(3, heap.GetStatistics().Collections);
        heap.CollectAndSweep();
    }

    // Each thread has a store; now and then one takes all stores' locks, as a database would for a checkpoint, and marks what they have.
    [Theory]
    [InlineData(HeapChecks.Standard, 300)]
    [InlineData(HeapChecks.Full, 60)]
    public void Stores_on_several_threads_lose_nothing_that_they_mark(HeapChecks checks, int rounds)
    {
        using TracedHeap heap = new(new TracedHeapOptions { MinimumBytes = 1 << 18, Checks = checks });
        List<(nint Block, long Value)>[] stores = [[], [], [], []];
        StressThreads.Run(stores.Length, number =>
        {
            StressRandom random = new((ulong)number + 11);
            for (int round = 0; round < rounds; round++)
            {
                Change(heap, stores[number], random);
                if (random.OneIn(5))
                {
                    MarkAll(heap, stores);
                }
            }
        });

        MarkAll(heap, stores);
        heap.FinishSweeping();
        Collectables.AssertLeft(heap, stores.Sum(static store => store.Count), 0);
    }

    private static unsafe void Change(TracedHeap heap, List<(nint Block, long Value)> store, StressRandom random)
    {
        // The thread that marks reads the stores while the gate is closed, so a store changes only within a scope.
        using TracedScope scope = heap.Enter();
        foreach ((nint block, long value) in store)
        {
            Assert.Equal(value, *(long*)block);
        }

        for (int i = 0; i < 40; i++)
        {
            nint block = scope.NewCollectable(random.OneIn(3) ? 200 : 24).Address;
            Assert.Equal(0, *(long*)block);
            *(long*)block = (long)random.Next();
            if (random.OneIn(4))
            {
                store.Add((block, *(long*)block));
            }
        }

        while (store.Count > 300)
        {
            store.RemoveAt(random.Below(store.Count));
        }
    }

    private static void MarkAll(TracedHeap heap, List<(nint Block, long Value)>[] stores)
    {
        using MarkSession marking = heap.BeginMark();
        foreach ((nint block, _) in stores.SelectMany(static store => store))
        {
            marking.Mark(block);
        }

        marking.Complete();
    }

    private static TracedHeap New(HeapChecks checks, bool checkmark) => new(new TracedHeapOptions
    {
        VerifyMarking = checkmark,
        Checks = checks,
        MinimumBytes = nuint.MaxValue >> 2,
        ScavengeDelay = Timeout.InfiniteTimeSpan,
    });
}
