using SpanHeap.Heap;
using SpanHeap.Tests.Support;
using Xunit.Abstractions;

namespace SpanHeap.Tests.Heap;

/// <summary>What lies on the stacks of threads that wait goes back without their help, and nothing of a thread that does not wait.</summary>
[Collection(WholeProcess.Name)]
public sealed unsafe class StackReclaimerTests(ITestOutputHelper output)
{
    private const int Sleepers = 12;

    private static readonly TimeSpan s_stressTime = TimeSpan.FromMilliseconds(700);

    [PosixFact]
    [Unguarded("it counts pages, which a guarded block has of its own")]
    public void What_sleeping_threads_keep_serves_others_before_an_allocation_fails()
    {
        const int Limit = 24 << 20;
        using NativeHeap heap = StressHeap.Still(memoryLimit: Limit);
        using Crew sleepers = new(Sleepers);
        sleepers.Each(_ => UseManySizes(heap, 3 << 20));

        long served = 0;
        Action takeAll = () =>
        {
            for (; served <= Limit; served += 64 << 10)
            {
                heap.Alloc(64 << 10);
            }
        };
        Assert.Throws<OutOfMemoryException>(takeAll);

        // All but records, and what the sleepers' caches count themselves.
        long records = (long)heap.Core.Limit.MetadataBytes;
        Assert.InRange(served, Limit - records - (128 << 10), Limit - records);
        Assert.Equal(Sleepers, heap.Core.Sleepers.Reclaimed);
    }

    [PosixFact]
    [Unguarded("it counts pages, which a guarded block has of its own")]
    public void What_sleeping_threads_keep_makes_room_for_the_handle_of_another()
    {
        using NativeHeap heap = StressHeap.Still(memoryLimit: 1150 << 10);
        using Crew sleepers = new(1);
        sleepers.Each(_ =>
        {
            List<nint> blocks = [];
            Assert.Throws<OutOfMemoryException>((Action)(() =>
            {
                while (true)
                {
                    blocks.Add((nint)heap.Alloc(1000));
                }
            }));
            StressHeap.FreeAll(heap, blocks);
        });

        StressThreads.RunOne(() => heap.GetLocal());
        heap.Verify();
    }

    [PosixFact]
    [Unguarded("it counts pages, which a guarded block has of its own")]
    public void A_round_takes_what_threads_keep_that_have_slept_since_the_round_before()
    {
        using NativeHeap heap = StressHeap.Restless();
        using Crew sleepers = new(Sleepers);
        sleepers.Each(_ => UseManySizes(heap, 1 << 20));

        StressHeap.WaitUntilEmpty(heap);

        sleepers.Each(_ => UseManySizes(heap, 1 << 20));
        heap.Verify();
    }

    [PosixFact]
    public void One_fence_serves_many_threads_and_none_is_asked_again()
    {
        using NativeHeap heap = StressHeap.Still();
        using Crew sleepers = new(Sleepers);
        sleepers.Each(_ => UseManySizes(heap, 64 << 10));
        StackReclaimer reclaimer = heap.Core.Sleepers;

        reclaimer.Reclaim(idleOnly: false);
        Assert.Equal(1, reclaimer.Fences);

        // A worker that is just going to sleep is asked again.
        StressWait.Until(() => { reclaimer.Reclaim(idleOnly: false); return reclaimer.Reclaimed == Sleepers; }, () => $"{reclaimer.Reclaimed} of {Sleepers}");
        long fences = reclaimer.Fences;
        reclaimer.Reclaim(idleOnly: false);
        Assert.Equal((fences, Sleepers), (reclaimer.Fences, reclaimer.Reclaimed));
    }

    [PosixFact]
    public void A_round_takes_nothing_that_was_used_since_the_round_before()
    {
        using NativeHeap heap = StressHeap.Still();
        using Crew sleepers = new(2);
        sleepers.Each(_ => UseManySizes(heap, 64 << 10));
        StackReclaimer reclaimer = heap.Core.Sleepers;

        Assert.True(reclaimer.Reclaim(idleOnly: true), "nothing was noted for the next round");
        sleepers.Each(_ => heap.Alloc(100));
        Assert.True(reclaimer.Reclaim(idleOnly: true), "nothing was noted for the next round");
        Assert.Equal(0, reclaimer.Reclaimed);

        // A worker that is just going to sleep is asked again.
        StressWait.Until(() => { reclaimer.Reclaim(idleOnly: true); return reclaimer.Reclaimed == 2; }, () => $"{reclaimer.Reclaimed} of 2");
        Assert.False(reclaimer.Reclaim(idleOnly: true), "something was left");
    }

    [PosixFact]
    public void A_thread_that_does_not_wait_keeps_its_stacks()
    {
        using NativeHeap heap = StressHeap.Still();
        using ManualResetEventSlim used = new();
        bool stop = false;
        nint before = 0;
        nint after = 0;
        Thread busy = new(() =>
        {
            // A thread without a managed object is not looked at in a heap with few threads.
            GC.KeepAlive(new object());
            before = (nint)heap.Alloc(100);
            heap.Free((void*)before);
            used.Set();
            while (!Volatile.Read(ref stop))
            {
                Thread.SpinWait(10);
            }

            after = (nint)heap.Alloc(100);
        });
        busy.Start();
        used.Wait();

        heap.Core.Sleepers.Reclaim(idleOnly: false);
        heap.Trim();

        Volatile.Write(ref stop, true);
        busy.Join();
        Assert.Equal((before, 0L), (after, heap.Core.Sleepers.Reclaimed));
        Assert.Equal(2, heap.Core.Sleepers.Fences);
    }

    [PosixFact]
    public void A_local_handle_goes_on_after_its_thread_has_slept()
    {
        using NativeHeap heap = StressHeap.Still();
        using SemaphoreSlim asleep = new(0);
        using SemaphoreSlim awake = new(0);
        Thread thread = new(() =>
        {
            GC.KeepAlive(new object());
            LocalHeap local = heap.GetLocal();
            local.Free(local.Alloc(100));
            asleep.Release();
            awake.Wait();
            local.Free(local.Realloc(local.Alloc(100), 3000));
        });
        thread.Start();
        asleep.Wait();
        StressWait.Until(
            () => { heap.Core.Sleepers.Reclaim(idleOnly: false); return heap.GetStatistics().CachedBlocks == 0; },
            () => $"{heap.GetStatistics().CachedBlocks} blocks are kept");
        awake.Release();
        thread.Join();
        Assert.Equal(0, heap.GetStatistics().LiveBlocks);
        heap.Verify();
    }

    [PosixFact]
    public void Threads_that_wake_die_and_come_while_their_stacks_are_taken_lose_no_block()
    {
        int seed = Environment.TickCount;
        output.WriteLine($"seed {seed}");
        using NativeHeap heap = StressHeap.Still();
        using NativeHeap other = StressHeap.Still();
        bool stop = false;
        Thread reclaiming = new(() =>
        {
            while (!Volatile.Read(ref stop))
            {
                heap.Core.Sleepers.Reclaim(idleOnly: false);
                other.Core.Sleepers.Reclaim(idleOnly: false);
            }
        });
        reclaiming.Start();
        long start = Environment.TickCount64;
        for (int generation = 0; Environment.TickCount64 - start < s_stressTime.TotalMilliseconds; generation++)
        {
            StressThreads.Run(6, number => WorkAndSleep(number % 2 == 0 ? heap : other, heap, new Random(seed + (31 * generation) + number)));
        }

        Volatile.Write(ref stop, true);
        reclaiming.Join();
        heap.Verify();
        other.Verify();
        output.WriteLine($"reclaimed {heap.Core.Sleepers.Reclaimed} and {other.Core.Sleepers.Reclaimed} times");
        Assert.Equal((0, 0), (heap.GetStatistics().LiveBlocks, other.GetStatistics().LiveBlocks));
    }

    // Blocks carry their own address, so that one that two have is found.
    private static void WorkAndSleep(NativeHeap first, NativeHeap second, Random random)
    {
        List<(NativeHeap Heap, nint Block)> mine = [];
        for (int step = 0; step < 400; step++)
        {
            NativeHeap heap = random.Next(4) == 0 ? second : first;
            if (mine.Count < 50 && random.Next(3) != 0)
            {
                nint block = (nint)heap.Alloc((nuint)random.Next(8, random.Next(8, 60_000)));
                *(nint*)block = block;
                mine.Add((heap, block));
            }
            else if (mine.Count > 0)
            {
                int at = random.Next(mine.Count);
                (NativeHeap of, nint block) = mine[at];
                mine[at] = mine[^1];
                mine.RemoveAt(mine.Count - 1);
                Assert.Equal(block, *(nint*)block);
                of.Free((void*)block);
            }

            if (random.Next(40) == 0)
            {
                Thread.Sleep(random.Next(2));
            }
        }

        mine.ForEach(static block => block.Heap.Free((void*)block.Block));
    }

    private static void UseManySizes(NativeHeap heap, long bytes)
    {
        Random random = new(7);
        List<nint> blocks = [];
        for (long left = bytes; left > 0;)
        {
            int size = (int)Math.Pow(2, 4 + (random.NextDouble() * 11));
            blocks.Add((nint)heap.Alloc((nuint)size));
            left -= size;
        }

        StressHeap.FreeAll(heap, blocks);
    }

    /// <summary>Threads that sleep whenever they have no work.</summary>
    private sealed class Crew(int size) : IDisposable
    {
        private readonly StressWorker[] _workers = [.. Enumerable.Range(0, size).Select(static _ => new StressWorker())];

        public void Each(Action<int> action)
        {
            for (int i = 0; i < _workers.Length; i++)
            {
                int number = i;
                _workers[i].Do(() => action(number));
                StressWait.Until(() => _workers[number].IsAsleep, static () => "a worker does not sleep");
            }
        }

        public void Dispose() => Array.ForEach(_workers, static worker => worker.Dispose());
    }
}
