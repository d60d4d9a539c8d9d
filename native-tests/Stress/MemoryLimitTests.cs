using System.Collections.Concurrent;
using SpanHeap.Tests.Support;
using SpanHeap.Threads;

namespace SpanHeap.Tests.Stress;

/// <summary>A heap at its limit: what lies idle in caches is found before it says no, and several threads do not push it over.</summary>
public sealed unsafe class MemoryLimitTests
{
    private const long Limit = 24 * StressMemory.MiB;

    [Theory]
    [InlineData(HeapChecks.Standard)]
    [InlineData(HeapChecks.Full)]
    public void Several_threads_stay_within_the_limit(HeapChecks checks)
    {
        const int Threads = 4;
        using NativeHeap heap = StressHeap.Still(checks, (nuint)Limit);
        int refused = 0;
        long most = 0;
        StressThreads.Run(Threads, number =>
        {
            StressRandom random = new((ulong)number);
            List<ModelBlock> blocks = [];
            for (int i = 0; i < 60_000; i++)
            {
                int freed = 1;
                if (random.Below(100) < 60 || blocks.Count == 0)
                {
                    nuint size = (nuint)random.Below(random.OneIn(50) ? 300_000 : 3000);
                    try
                    {
                        ModelBlock block = new((nint)heap.Alloc(size), size, random.Next());
                        block.Fill();
                        blocks.Add(block);
                        continue;
                    }
                    catch (OutOfMemoryException)
                    {
                        freed = random.Below(200);
                        Interlocked.Increment(ref refused);
                        most = Math.Max(Volatile.Read(ref most), Used(heap));
                    }
                }

                for (int k = Math.Min(blocks.Count, freed); k > 0; k--)
                {
                    Free(heap, blocks, random.Below(blocks.Count));
                }
            }

            while (blocks.Count > 0)
            {
                Free(heap, blocks, blocks.Count - 1);
            }
        });

        Assert.True(refused > 0, "the limit was never reached");
        Assert.InRange(most, 0, Limit + (Threads * StressMemory.MiB));
        heap.Verify();
        Assert.Equal(0, heap.GetStatistics().LiveBlocks);
    }

    [Theory]
    [InlineData(64, 70_000)]
    [InlineData(70_000, 64)]
    [InlineData(300, 25_000)]
    [InlineData(900_000, 40)]
    public void What_one_size_has_freed_serves_another(int first, int second)
    {
        using NativeHeap heap = StressHeap.Still(memoryLimit: (nuint)Limit);
        List<nint> blocks = AllocateAll(heap, first);
        StressHeap.FreeAll(heap, blocks);

        List<nint> others = AllocateAll(heap, second);

        // Headers, tails and records take their share.
        Assert.InRange((long)others.Count * second, Limit * 7 / 10, Limit);
        StressHeap.FreeAll(heap, others);
        heap.Verify();
    }

    [Fact]
    public void What_a_sleeping_thread_keeps_in_depots_is_found()
    {
        using NativeHeap heap = StressHeap.Still(memoryLimit: (nuint)Limit);
        using StressWorker sleeper = new();
        sleeper.Do(() => StressHeap.FreeAll(heap, AllocateAll(heap, 500)));

        List<nint> mine = AllocateAll(heap, 60_000);

        Assert.InRange(mine.Count * 60_000L, Limit * 7 / 10, Limit);
    }

    [Fact]
    public void What_a_sleeping_thread_has_gathered_for_others_is_found()
    {
        using NativeHeap heap = StressHeap.Still(memoryLimit: (nuint)Limit);
        using StressWorker sleeper = new();
        List<nint> mine = AllocateAll(heap, 60_000);
        sleeper.Do(() => heap.Free((void*)mine[^1]));

        Assert.True(heap.Alloc(60_000) != null);
    }

    [Fact]
    public void What_dead_threads_keep_is_found()
    {
        using NativeHeap heap = StressHeap.Still(memoryLimit: (nuint)Limit);
        heap.Free(heap.Alloc(8));
        using Barrier together = new(8);
        StressThreads.Run(8, _ =>
        {
            for (int size = 16; size <= 32 * 1024; size += Math.Max(16, size / 8))
            {
                StressHeap.FreeAll(heap, StressHeap.AllocateMany(heap, 20, size));
            }

            together.SignalAndWait();
        });

        // The system ends a thread a moment after .NET has: only then can it be found dead.
        CacheRegistry registry = heap.Core.Registry;
        StressWait.Until(
            () =>
            {
                registry.Poll(int.MaxValue);
                return registry.OwnedCount <= 1;
            },
            () => $"{registry.OwnedCount} threads still own caches");

        List<nint> mine = AllocateAll(heap, 60_000);

        Assert.InRange(mine.Count * 60_000L, Limit * 7 / 10, Limit);
    }

    [Fact]
    [Unguarded("it touches gigabytes of memory that each free gives back")]
    public void Pages_on_their_way_back_to_the_system_do_not_count()
    {
        const int Size = (int)(Limit * 5 / 8);
        using NativeHeap heap = StressHeap.Still(memoryLimit: (nuint)Limit);
        ConcurrentQueue<int> done = new();
        StressThreads.Run(2, number =>
        {
            if (number == 0)
            {
                for (int i = 0; i < 6000; i++)
                {
                    // The only block: more than half of the limit, far less than all of it.
                    byte* block = (byte*)heap.Alloc(Size);
                    for (int at = 0; at < Size; at += 4096)
                    {
                        block[at] = 1;
                    }

                    heap.Free(block);
                }

                done.Enqueue(0);
            }
            else
            {
                for (int i = 0; done.IsEmpty && i < 1_000_000; i++)
                {
                    heap.Trim();
                }
            }
        });
    }

    [Fact]
    public void Being_refused_costs_nothing()
    {
        using NativeHeap heap = StressHeap.Still(memoryLimit: (nuint)Limit);
        List<nint> blocks = AllocateAll(heap, 5000);
        heap.Trim();
        HeapStatistics before = heap.GetStatistics();
        for (int i = 0; i < 500; i++)
        {
            Assert.Throws<OutOfMemoryException>(() => (nint)heap.Alloc((nuint)Limit / 2));
        }

        HeapStatistics after = heap.GetStatistics();
        Assert.Equal((before.PagesInUse, before.MetadataBytes, before.ReservedBytes), (after.PagesInUse, after.MetadataBytes, after.ReservedBytes));
        Assert.Equal(blocks.Count, after.LiveBlocks);
        heap.Verify();
    }

    private static List<nint> AllocateAll(NativeHeap heap, int size)
    {
        List<nint> blocks = [];
        try
        {
            while (true)
            {
                blocks.Add((nint)heap.Alloc((nuint)size));
            }
        }
        catch (OutOfMemoryException)
        {
            return blocks;
        }
    }

    private static long Used(NativeHeap heap) =>
        ((heap.Core.Pages.PagesInUse - heap.Core.Limit.GuardedPages) * 8192) + (long)heap.Core.Limit.MetadataBytes;

    private static void Free(NativeHeap heap, List<ModelBlock> blocks, int index)
    {
        ModelBlock block = blocks[index];
        Assert.Equal(-1, block.FindDamage(block.Size));
        heap.Free((void*)block.Address);
        blocks[index] = blocks[^1];
        blocks.RemoveAt(blocks.Count - 1);
    }
}
