using System.Collections.Concurrent;
using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Stress;

/// <summary>Spans change their owner while blocks of them live: what their threads left goes to the central cache, and from there to others.</summary>
public sealed unsafe class OwnerChangeTests
{
    private const int BlocksPerThread = 1000;
    private const int MostWaiting = 20_000;
    private static readonly TimeSpan s_time = TimeSpan.FromMilliseconds(1500);

    [Fact]
    public void Full_checks_take_no_free_for_a_second_one_because_the_owner_has_just_changed()
    {
        using NativeHeap heap = new(new NativeHeapOptions { Checks = HeapChecks.Full });
        ConcurrentQueue<nint> left = new();
        bool ends = false;
        StressThreads.Run(3, number =>
        {
            switch (number)
            {
                case 0:
                    FreeAll(heap, left, s_time);
                    Volatile.Write(ref ends, true);
                    break;
                case 1:
                    while (!Volatile.Read(ref ends))
                    {
                        LeaveBlocks(heap, left);
                    }

                    break;
                default:
                    while (!Volatile.Read(ref ends))
                    {
                        heap.Trim();
                    }

                    break;
            }
        });

        FreeAll(heap, left, TimeSpan.Zero);
        Assert.Equal((0, 0L), (heap.GetStatistics().LiveBlocks, heap.GetStatistics().MisuseCount));
        heap.Verify();
    }

    // By a thread that ends then, so that its spans go to others while the blocks live.
    private static void LeaveBlocks(NativeHeap heap, ConcurrentQueue<nint> left)
    {
        if (left.Count > MostWaiting)
        {
            Thread.Sleep(1);
            return;
        }

        StressThreads.RunOne(() =>
        {
            for (int i = 0; i < BlocksPerThread; i++)
            {
                left.Enqueue((nint)heap.Alloc(64));
            }
        });
    }

    private static void FreeAll(NativeHeap heap, ConcurrentQueue<nint> blocks, TimeSpan time)
    {
        long end = Environment.TickCount64 + (long)time.TotalMilliseconds;
        do
        {
            while (blocks.TryDequeue(out nint block))
            {
                Assert.Equal((nuint)64, heap.UsableSize((void*)block));
                heap.Free((void*)block);
            }
        }
        while (Environment.TickCount64 < end);
    }
}
