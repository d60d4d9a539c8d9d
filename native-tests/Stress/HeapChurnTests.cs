using SpanHeap.Spans;
using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Stress;

/// <summary>Heaps made and disposed in a loop by several threads, their timers at work, leave nothing behind.</summary>
[Collection(WholeProcess.Name)]
public sealed unsafe class HeapChurnTests
{
    private const int Threads = 4;

    [LinuxFact]
    public void A_thousand_heaps_leave_no_memory_behind()
    {
        Churn(heapsPerThread: 50, delay: Timeout.InfiniteTimeSpan);
        long before = StressMemory.Resident();

        Churn(heapsPerThread: 250, delay: Timeout.InfiniteTimeSpan);

        Assert.InRange(StressMemory.Resident() - before, long.MinValue, 24 * StressMemory.MiB);
    }

    [Fact]
    public void A_heap_may_be_disposed_while_its_timer_works() => Churn(heapsPerThread: 150, delay: TimeSpan.FromMilliseconds(1));

    [Fact]
    public void A_heap_may_be_disposed_while_a_collection_looks_for_its_dead_threads()
    {
        for (int i = 0; i < 150; i++)
        {
            NativeHeap heap = StressHeap.Still();
            StressThreads.Run(3, _ => heap.Free(heap.Alloc(64)));
            Thread collector = new(static () => GC.Collect(0, GCCollectionMode.Forced, blocking: true));
            collector.Start();
            if ((i & 1) != 0)
            {
                Thread.Yield();
            }

            heap.Dispose();
            collector.Join();
        }

        // What the pool of caches holds must still be sound.
        using NativeHeap last = StressHeap.Still();
        StressThreads.Run(8, _ => last.Free(last.Alloc(64)));
        last.Verify();
    }

    [Fact]
    public void Numbers_of_heaps_that_are_gone_are_used_again()
    {
        int first;
        using (NativeHeap heap = StressHeap.Still())
        {
            first = heap.Core.Number;
        }

        for (int i = 0; i < 50; i++)
        {
            using NativeHeap heap = StressHeap.Still();
            Assert.Equal(first, heap.Core.Number);
        }
    }

    [Fact]
    public void The_arenas_of_a_heap_that_is_gone_are_foreign_again()
    {
        nint address;
        using (NativeHeap heap = StressHeap.Still())
        {
            address = (nint)heap.Alloc(100);
            Assert.True(ArenaMap.IsInArena(address));
        }

        Assert.False(ArenaMap.IsInArena(address));
    }

    private static void Churn(int heapsPerThread, TimeSpan delay) =>
        StressThreads.Run(Threads, number =>
        {
            StressRandom random = new((ulong)number);
            for (int i = 0; i < heapsPerThread; i++)
            {
                using NativeHeap heap = new(new NativeHeapOptions { ScavengeDelay = delay });
                List<nint> blocks = [];
                for (int k = 0; k < 200; k++)
                {
                    nuint size = (nuint)random.Below(random.OneIn(20) ? 200_000 : 500);
                    byte* block = (byte*)heap.AllocZeroed(size);
                    Assert.True(size == 0 || (block[0] == 0 && block[size - 1] == 0));
                    new System.Span<byte>(block, (int)size).Fill(0xA5);
                    blocks.Add((nint)block);
                }

                // Some stay: Dispose frees them.
                StressHeap.FreeAll(heap, blocks.Take(random.Below(blocks.Count)));
            }
        });
}
