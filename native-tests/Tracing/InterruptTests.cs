namespace SpanHeap.Tests.Tracing;

/// <summary>Threads that are interrupted while they wait for others leave nothing half done.</summary>
public sealed class InterruptTests
{
    private const int Threads = 4;

    [Fact]
    public void A_root_array_that_is_disposed_by_an_interrupted_thread_is_gone()
    {
        using NativeHeap heap = TracedHeaps.Still();
        InterruptAll(_ =>
        {
            RootArray<Node>? array = null;
            Ignoring(() => array = heap.CreateRootArray<Node>(1));
            Ignoring(() => array?.Dispose());
        });

        Assert.Equal(0, heap.GetTracedStatistics().RootArrays);
    }

    // Each thread repeats something while another interrupts them all.
    private static void InterruptAll(Action<int> action)
    {
        int running = Threads;
        Thread[] threads = [.. Enumerable.Range(0, Threads).Select(number => new Thread(() =>
        {
            for (int round = 0; round < 200_000; round++)
            {
                action(number);
            }

            Interlocked.Decrement(ref running);
        }))];
        Array.ForEach(threads, static thread => thread.Start());
        while (Volatile.Read(ref running) > 0)
        {
            Array.ForEach(threads, static thread => thread.Interrupt());
            Thread.Yield();
        }

        Array.ForEach(threads, static thread => thread.Join());
    }

    private static void Ignoring(Action action)
    {
        try
        {
            action();
        }
        catch (ThreadInterruptedException)
        {
            // Before or after all that it does.
        }
    }
}
