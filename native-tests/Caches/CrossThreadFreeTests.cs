using System.Collections.Concurrent;
using SpanHeap.Tests.Support;
using Xunit.Abstractions;

namespace SpanHeap.Tests.Caches;

/// <summary>Blocks freed by threads that do not own them: they come back, and what carries them stays bounded.</summary>
[Unguarded("it is about spans of many blocks, or what caches keep")]
public sealed unsafe class CrossThreadFreeTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(2, 600)]
    [InlineData(16, 100)]
    [InlineData(40, 40)]
    public void One_thread_freeing_what_others_allocate_in_turn_needs_no_more_and_more_memory(int owners, int rounds)
    {
        using NativeHeap heap = StressHeap.Still();
        StressWorker[] workers = [.. Enumerable.Range(0, owners).Select(static _ => new StressWorker())];
        HeapStatistics? early = null;
        for (int round = 0; round < rounds; round++)
        {
            nint[][] made = new nint[owners][];
            for (int i = 0; i < owners; i++)
            {
                int owner = i;
                workers[i].Do(() => made[owner] = StressHeap.AllocateMany(heap, 300, 16 + (owner % 4 * 200)));
            }

            // Block by block from another owner, so that the destinations compete for places.
            for (int k = 0; k < 300; k++)
            {
                for (int i = 0; i < owners; i++)
                {
                    heap.Free((void*)made[i][k]);
                }
            }

            early = round == rounds / 4 ? heap.GetStatistics() : early;
        }

        Array.ForEach(workers, static worker => worker.Dispose());
        RequireFlat(early!, heap.GetStatistics());
        heap.Verify();
        Assert.Equal(0, heap.GetStatistics().LiveBlocks);
    }

    [Fact]
    public void A_producer_and_a_consumer_need_no_more_and_more_memory()
    {
        const int Blocks = 3_000_000;
        const int Batch = 256;
        using NativeHeap heap = StressHeap.Still();
        using BlockingCollection<nint[]> queue = new(boundedCapacity: 16);
        HeapStatistics? early = null;
        StressThreads.Run(2, number =>
        {
            if (number == 0)
            {
                for (int made = 0; made < Blocks; made += Batch)
                {
                    queue.Add(StressHeap.AllocateMany(heap, Batch, 16 + (made / Batch % 32 * 16)));
                    early = made == Blocks / 4 / Batch * Batch ? heap.GetStatistics() : early;
                }

                queue.CompleteAdding();
            }
            else
            {
                foreach (nint[] blocks in queue.GetConsumingEnumerable())
                {
                    StressHeap.FreeAll(heap, blocks);
                }
            }
        });

        RequireFlat(early!, heap.GetStatistics());
        heap.Verify();
        Assert.Equal(0, heap.GetStatistics().LiveBlocks);
    }

    [Fact]
    public void A_pair_that_sends_to_each_other_needs_no_more_and_more_memory()
    {
        const int Rounds = 2000;
        using NativeHeap heap = StressHeap.Still();
        using Barrier barrier = new(2);
        nint[][] made = new nint[2][];
        HeapStatistics? early = null;
        StressThreads.Run(2, number =>
        {
            for (int round = 0; round < Rounds; round++)
            {
                made[number] = StressHeap.AllocateMany(heap, 200, 48);
                barrier.SignalAndWait();
                StressHeap.FreeAll(heap, made[1 - number]);
                barrier.SignalAndWait();
                if (number == 0 && round == Rounds / 4)
                {
                    early = heap.GetStatistics();
                }
            }
        });

        RequireFlat(early!, heap.GetStatistics());
        heap.Verify();
    }

    [Theory]
    [InlineData(HeapChecks.Standard)]
    [InlineData(HeapChecks.Full)]
    public void The_memory_of_an_owner_that_sleeps_for_ever_comes_back_when_others_free_it(HeapChecks checks)
    {
        using NativeHeap heap = StressHeap.Restless(checks: checks);
        using StressWorker sleeper = new();
        nint[] blocks = [];
        sleeper.Do(() => blocks = [.. StressHeap.AllocateMany(heap, 60_000, 512), .. StressHeap.AllocateMany(heap, 50, 300_000)]);
        long most = heap.GetStatistics().PagesInUse;

        StressThreads.Run(2, number => StressHeap.FreeAll(heap, blocks.Where((_, i) => i % 2 == number)));

        // All but what the sleeper had on its own stacks, some spans.
        StressWait.Until(
            () => heap.GetStatistics() is { PagesFree: 0, PagesInUse: < 64 },
            () => $"of {most} pages {heap.GetStatistics().PagesInUse} are in use, {heap.GetStatistics().PagesFree} free");
        Assert.Equal(0, heap.GetStatistics().LiveBlocks);
        heap.Verify();
    }

    [Fact]
    public void Trim_finds_what_others_have_sent_to_an_owner_that_sleeps()
    {
        using NativeHeap heap = StressHeap.Still();
        using StressWorker sleeper = new();
        using StressWorker sender = new();
        nint[] blocks = [];
        sender.Do(() => heap.Free(heap.Alloc(8)));
        sleeper.Do(() => blocks = StressHeap.AllocateMany(heap, 20_000, 512));
        sender.Do(() => StressHeap.FreeAll(heap, blocks));

        heap.Trim();

        HeapStatistics now = heap.GetStatistics();
        Assert.Equal((0L, 0L), (now.LiveBlocks, now.PagesFree));
        Assert.InRange(now.PagesInUse, 0, 64);
        heap.Verify();
    }

    [Fact]
    public void A_thread_that_only_frees_keeps_nothing_for_long()
    {
        using NativeHeap heap = StressHeap.Still();
        using StressWorker sender = new();
        int counted = 0;
        for (int round = 0; round < 50; round++)
        {
            nint[] blocks = StressHeap.AllocateMany(heap, 2000, 128);
            sender.Do(() => StressHeap.FreeAll(heap, blocks));
            counted = round == 10 ? heap.GetStatistics().Magazines : counted;
        }

        Assert.InRange(heap.GetStatistics().Magazines, 0, counted + 32);
        Assert.InRange(heap.GetStatistics().PagesInUse, 0, 128);
    }

    [Fact]
    public void Blocks_of_one_size_that_others_have_freed_serve_their_owner_in_the_order_of_the_last_freed()
    {
        const int Magazine = 126;
        using NativeHeap heap = StressHeap.Still();
        using StressWorker other = new();
        nint[] sent = StressHeap.AllocateMany(heap, Magazine, 64);
        other.Do(() => StressHeap.FreeAll(heap, sent));

        // What is on the own stack comes first.
        List<nint> before = [];
        nint next;
        while (!sent.Contains(next = (nint)heap.Alloc(64)))
        {
            before.Add(next);
            Assert.True(before.Count < 10_000, "The blocks that were sent never come back.");
        }

        nint[] again = [next, .. StressHeap.AllocateMany(heap, Magazine - 1, 64)];
        Assert.Equal(sent.Reverse(), again);
        heap.Verify();
    }

    [Fact]
    public void A_thread_that_only_frees_gets_magazines_to_send_blocks_in()
    {
        const int Owners = 8;
        using NativeHeap heap = StressHeap.Still();
        StressWorker[] workers = [.. Enumerable.Range(0, Owners).Select(static _ => new StressWorker())];
        nint[][] made = new nint[Owners][];
        for (int i = 0; i < Owners; i++)
        {
            int owner = i;
            workers[i].Do(() => made[owner] = StressHeap.AllocateMany(heap, 2000, 64));
        }

        int before = heap.GetStatistics().Magazines;
        foreach (nint[] blocks in made)
        {
            StressHeap.FreeAll(heap, blocks);
        }

        // Half of what the inboxes hold before senders drain them.
        Assert.InRange(heap.GetStatistics().Magazines, Math.Max(Owners * 4, before), int.MaxValue);
        Array.ForEach(workers, static worker => worker.Dispose());
        heap.Verify();
    }

    private void RequireFlat(HeapStatistics early, HeapStatistics late)
    {
        output.WriteLine($"pages {early.PagesInUse}, then {late.PagesInUse}; magazines {early.Magazines}, then {late.Magazines}");
        Assert.InRange(late.PagesInUse, 0, (early.PagesInUse * 5 / 4) + 256);
        Assert.InRange(late.Magazines, 0, (early.Magazines * 5 / 4) + 64);
        Assert.InRange(late.MetadataBytes, 0, (early.MetadataBytes * 5 / 4) + (512 * 1024));
    }
}
