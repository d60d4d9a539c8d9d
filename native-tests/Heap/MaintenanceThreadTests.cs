using SpanHeap.Heap;
using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Heap;

/// <summary>The thread that visits heaps is no thread of the pool, and is there when it is wanted.</summary>
public sealed unsafe class MaintenanceThreadTests
{
    [Fact]
    public void Memory_goes_back_while_all_threads_of_the_pool_wait()
    {
        ChildProgram.Result result = ChildProgram.Run(FreeWithAStarvedPool);
        Assert.Equal((0, "given back"), (result.ExitCode, result.Output.Trim()));
    }

    [Fact]
    public void A_heap_that_is_never_disposed_is_forgotten()
    {
        WeakReference heap = Drop();
        StressWait.Until(
            () =>
            {
                GC.Collect();
                return !heap.IsAlive;
            },
            static () => "the heap is still referred to");
    }

    [Fact]
    public void A_heap_that_is_disposed_is_not_visited_any_more()
    {
        using NativeHeap heap = StressHeap.Restless(delayMilliseconds: 4);
        heap.Free(heap.Alloc(100));
        StressWait.Until(() => heap.Core.Clock.Now > 3, static () => "no round");
        Assert.True(MaintenanceThread.OfHeaps.IsRunning);

        heap.Dispose();

        uint last = heap.Core.Clock.Now;
        Thread.Sleep(40);
        Assert.Equal(last, heap.Core.Clock.Now);
    }

    private static WeakReference Drop()
    {
        NativeHeap heap = StressHeap.Restless(delayMilliseconds: 4);
        heap.Free(heap.Alloc(100));
        return new WeakReference(heap.Core);
    }

    private static void FreeWithAStarvedPool()
    {
        using ManualResetEventSlim end = new();
        StarvedPool.Begin(end);
        using NativeHeap heap = StressHeap.Restless(delayMilliseconds: 20);
        StressHeap.FreeAll(heap, StressHeap.AllocateMany(heap, 1000, 8000));

        // The pool's own work never comes before the items that wait.
        bool givenBack = SpinWait.SpinUntil(() => heap.GetStatistics().PagesFree == 0 && heap.Core.Clock.Now > 3, TimeSpan.FromSeconds(20));
        Console.WriteLine(givenBack ? "given back" : "kept");
        end.Set();
    }
}
