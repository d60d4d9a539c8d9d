using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Heap;

/// <summary>A heap is disposed to the end on a thread whose interrupt is pending, and the interrupt comes after it.</summary>
[Collection(WholeProcess.Name)]
public sealed unsafe class InterruptedDisposalTests
{
    private const int Threads = 4;
    private const int HeapsPerThread = 150;

    [Fact]
    public void Heaps_that_threads_dispose_while_an_interrupt_is_pending_are_gone()
    {
        int gone = 0;
        int interrupted = 0;

        // All locks on the way are fought for: by the other threads, and those of the runtime's timers by the noise.
        using Noise noise = new();
        StressThreads.Run(Threads, _ =>
        {
            for (int i = 0; i < HeapsPerThread; i++)
            {
                NativeHeap heap = new(new NativeHeapOptions { ScavengeDelay = TimeSpan.FromSeconds(5) });
                *(byte*)heap.Alloc(100) = 1;
                Thread.CurrentThread.Interrupt();
                heap.Dispose();
                Interlocked.Add(ref gone, heap.Core.Arenas.ReservedBytes == 0 && heap.Core.Metadata.ReservedBytes == 0 ? 1 : 0);
                try
                {
                    Thread.Sleep(0);
                }
                catch (ThreadInterruptedException)
                {
                    Interlocked.Increment(ref interrupted);
                }
            }
        });

        Assert.Equal((Threads * HeapsPerThread, Threads * HeapsPerThread), (gone, interrupted));
    }

    private sealed class Noise : IDisposable
    {
        private readonly Thread[] _threads;
        private volatile bool _stop;

        public Noise()
        {
            _threads = [new Thread(Run), new Thread(Run)];
            Array.ForEach(_threads, static thread => thread.Start());
        }

        public void Dispose()
        {
            _stop = true;
            Array.ForEach(_threads, static thread => thread.Join());
        }

        private void Run()
        {
            Timer[] timers = [.. Enumerable.Range(0, 64).Select(static _ => new Timer(static _ => { }, null, 100_000, -1))];
            while (!_stop)
            {
                Array.ForEach(timers, static timer => timer.Change(100_000, -1));
            }

            Array.ForEach(timers, static timer => timer.Dispose());
        }
    }
}
