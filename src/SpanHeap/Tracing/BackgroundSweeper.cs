using System.Runtime.ExceptionServices;
using SpanHeap.Os;
using SpanHeap.Sweeping;

namespace SpanHeap.Tracing;

/// <summary>Sweeps what is left after a cycle, on the thread pool, giving way after each few spans.</summary>
internal sealed class BackgroundSweeper(Sweeper sweeper) : IDisposable
{
    // A round is asked for (queued), then on; there is one at most. By compare-exchange: a round that is queued may be taken away again,
    // because the pool may have nobody to run it, least of all when its threads wait here.
    private const int Idle = 0;
    private const int Queued = 1;
    private const int On = 2;

    private int _round;
    private int _disposed;

    // What the last rounds found wrong, or an idle collection, for the next who collects. By interlocked steps.
    private Exception? _failure;

    /// <summary>Makes sure that sweeping goes on.</summary>
    public void Wake()
    {
        if (Interlocked.CompareExchange(ref _round, Queued, Idle) == Idle)
        {
            bool taken = false;
            InterleavingPoints.Fork("background sweeper", Run, ref taken);
            if (taken)
            {
                return;
            }

            try
            {
                Uninterrupted.Queue(static self => self.Run(), this);
            }
            catch (OutOfMemoryException)
            {
                // Threads that allocate sweep as well, and the next collection asks again.
                Volatile.Write(ref _round, Idle);
            }
        }
    }

    /// <summary>Waits for a round that is on; none comes after it.</summary>
    public void Dispose()
    {
        Volatile.Write(ref _disposed, 1);
        Pause();
        Resume();
    }

    /// <summary>Keeps rounds from beginning, for who looks at the heap as a whole; waits for one that is on.</summary>
    public void Pause()
    {
        // As if a round were on: who has work for it meanwhile leaves that to Resume.
        while (Interlocked.CompareExchange(ref _round, On, Queued) != Queued && Interlocked.CompareExchange(ref _round, On, Idle) != Idle)
        {
            InterleavingPoints.Spin(InterleavingPoint.BackgroundRoundAwaited);
            Thread.Yield();
        }
    }

    public void Resume() => End();

    /// <summary>Keeps what went wrong on a thread that has nobody to throw to; the first, if there are more.</summary>
    public void Keep(Exception failure) => Interlocked.CompareExchange(ref _failure, failure, null);

    /// <summary>Throws what was kept, once.</summary>
    /// <exception cref="HeapCorruptionException">A span could not be swept. The message has the facts.</exception>
    public void ThrowFailure()
    {
        if (Volatile.Read(ref _failure) != null && Interlocked.Exchange(ref _failure, null) is { } failure)
        {
            ExceptionDispatchInfo.Throw(failure);
        }
    }

    private void Run()
    {
        if (Interlocked.CompareExchange(ref _round, On, Queued) != Queued)
        {
            // Taken away; or another that was queued later has begun.
            return;
        }

        try
        {
            while (Volatile.Read(ref _disposed) == 0 && TrySweep())
            {
                Thread.Yield();
            }

            InterleavingPoints.At(InterleavingPoint.BackgroundRoundEnding);
        }
        finally
        {
            End();
        }
    }

    // The span with the fault is in no list any more; the others can be swept.
    private bool TrySweep()
    {
        try
        {
            return sweeper.Sweep(SweepReason.Background, Sweeper.SpansAtOnce, long.MaxValue, out _);
        }
        catch (HeapCorruptionException failure)
        {
            Keep(failure);
            return true;
        }
    }

    private void End()
    {
        // With a fence: whoever finds this round still running must be seen below to have left work.
        Interlocked.Exchange(ref _round, Idle);

        InterleavingPoints.At(InterleavingPoint.BackgroundRoundEnded);

        // A cycle that began just now found this round still running.
        if (sweeper.HasWork && Volatile.Read(ref _disposed) == 0)
        {
            Wake();
        }
    }
}
