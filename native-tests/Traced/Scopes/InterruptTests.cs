using SpanHeap.Os;
using SpanHeap.Traced;

namespace SpanHeap.Tests.Traced.Scopes;

/// <summary>Threads that are interrupted while they wait for others leave nothing half done.</summary>
public sealed class InterruptTests
{
    private const int Threads = 4;

    [Fact]
    public void A_root_array_that_is_disposed_by_an_interrupted_thread_is_gone()
    {
        using TracedHeap heap = TracedHeaps.Still();
        InterruptAll(() =>
        {
            TracedRoots<Node>? array = null;
            Ignoring(() => array = heap.CreateRoots<Node>(1));
            Ignoring(() => array?.Dispose());
        });

        Assert.Equal(0, heap.GetStatistics().RootArrays);
    }

    [Fact]
    public void A_step_that_is_interrupted_is_done_again_and_the_interrupt_comes_later()
    {
        int begun = 0;
        Thread.CurrentThread.Interrupt();
        Uninterrupted.Do(1, _ =>
        {
            begun++;
            Thread.Sleep(0);
        });

        Assert.Equal(2, begun);
        Assert.Throws<ThreadInterruptedException>(static () => Thread.Sleep(0));
    }

    // Each thread repeats something while another interrupts them all.
    private static void InterruptAll(Action action)
    {
        int running = Threads;
        Thread[] threads = [.. Enumerable.Range(0, Threads).Select(_ => new Thread(() =>
        {
            for (int round = 0; round < 200_000; round++)
            {
                action();
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
