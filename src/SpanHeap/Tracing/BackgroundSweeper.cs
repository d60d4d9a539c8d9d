using SpanHeap.Sweeping;

namespace SpanHeap.Tracing;

/// <summary>Sweeps what is left after a cycle, on the thread pool, giving way after each few spans.</summary>
internal sealed class BackgroundSweeper(Sweeper sweeper) : IDisposable
{
    private const int SpansPerTurn = 10;

    // 1 while a round is on, or none may be. Guarded by itself: one at a time, started when there is something to do.
    private int _running;
    private int _disposed;

    /// <summary>Makes sure that sweeping goes on.</summary>
    public void Wake()
    {
        if (Interlocked.Exchange(ref _running, 1) == 0)
        {
            bool taken = false;
            InterleavingPoints.Fork("background sweeper", Run, ref taken);
            if (taken)
            {
                return;
            }

            ThreadPool.UnsafeQueueUserWorkItem(static self => self.Run(), this, preferLocal: false);
        }
    }

    /// <summary>Waits for a round that is under way.</summary>
    public void Dispose()
    {
        Volatile.Write(ref _disposed, 1);
        while (Volatile.Read(ref _running) != 0)
        {
            Thread.Yield();
        }
    }

    /// <summary>Keeps rounds from beginning, for who looks at the heap as a whole; waits for one that is under way.</summary>
    public void Pause()
    {
        // As if a round were on: who has work for it meanwhile leaves that to Resume.
        while (Interlocked.Exchange(ref _running, 1) != 0)
        {
            Thread.Yield();
        }
    }

    public void Resume() => End();

    private void Run()
    {
        try
        {
            int swept = 0;
            while (Volatile.Read(ref _disposed) == 0 && sweeper.SweepOne(SweepReason.Background) >= 0)
            {
                if (++swept % SpansPerTurn == 0)
                {
                    Thread.Yield();
                }
            }

            InterleavingPoints.At(InterleavingPoint.BackgroundRoundEnding);
        }
        finally
        {
            End();
        }
    }

    private void End()
    {
        // With a fence: whoever finds this round still running must be seen below to have left work.
        Interlocked.Exchange(ref _running, 0);

        InterleavingPoints.At(InterleavingPoint.BackgroundRoundEnded);

        // A cycle that began just now found this round still running.
        if (sweeper.HasWork && Volatile.Read(ref _disposed) == 0)
        {
            Wake();
        }
    }
}
