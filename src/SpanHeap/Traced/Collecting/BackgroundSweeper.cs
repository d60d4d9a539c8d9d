using System.Runtime.ExceptionServices;
using SpanHeap.Heap;
using SpanHeap.Os;
using SpanHeap.Traced.Sweeping;

namespace SpanHeap.Traced.Collecting;

/// <summary>Sweeps what is left after a cycle, on <see cref="TracingThread"/>, and yields after every few spans.</summary>
internal sealed class BackgroundSweeper(Sweeper sweeper) : MaintenanceEntry, IDisposable
{
    // Between two rounds, other heaps have theirs.
    private const int StepsPerRound = 64;

    // A round is queued, then on; there is at most one. It changes by compare-exchange: a queued round may be withdrawn, because the thread may be
    // busy elsewhere for long.
    private const int Idle = 0;
    private const int Queued = 1;
    private const int On = 2;

    private int _round;
    private int _disposed;

    // A fault that a round or an idle collection found, for the next thread that collects. Changed by interlocked operations.
    private Exception? _failure;

    /// <summary>Ensures that sweeping goes on.</summary>
    public void Wake()
    {
        if (Interlocked.CompareExchange(ref _round, Queued, Idle) == Idle)
        {
            bool taken = false;
            InterleavingPoints.Fork("background sweeper", Visit, ref taken);
            if (taken)
            {
                return;
            }

            if (!TracingThread.Instance.Schedule(this, delayMilliseconds: 0))
            {
                // Threads that allocate sweep as well, and the next collection asks again.
                TracingThread.Instance.Remove(this);
                Interlocked.CompareExchange(ref _round, Idle, Queued);
            }
        }
    }

    /// <summary>Does a round, unless it was withdrawn.</summary>
    public override void Visit()
    {
        if (Interlocked.CompareExchange(ref _round, On, Queued) != Queued)
        {
            // It was withdrawn, or another that was queued later has begun.
            return;
        }

        try
        {
            for (int left = StepsPerRound; left > 0 && Volatile.Read(ref _disposed) == 0 && TrySweep(); left--)
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

    /// <summary>Waits for a round that is on; none begins after it.</summary>
    public void Dispose()
    {
        Volatile.Write(ref _disposed, 1);
        TracingThread.Instance.Remove(this);
        Pause();
        Resume();
    }

    /// <summary>Keeps rounds from beginning while the heap is inspected as a whole; waits for one that is on.</summary>
    public void Pause()
    {
        // This looks as if a round were on: work that arrives meanwhile is left to Resume.
        while (Interlocked.CompareExchange(ref _round, On, Queued) != Queued && Interlocked.CompareExchange(ref _round, On, Idle) != Idle)
        {
            InterleavingPoints.Spin(InterleavingPoint.BackgroundRoundAwaited);
            Thread.Yield();
        }
    }

    public void Resume() => End();

    /// <summary>Keeps an exception from a thread that has no caller to throw to; only the first is kept.</summary>
    public void Keep(Exception failure) => Interlocked.CompareExchange(ref _failure, failure, null);

    /// <summary>Throws the exception that was kept, once.</summary>
    /// <exception cref="HeapCorruptionException">A span could not be swept. The message has the facts.</exception>
    public void ThrowFailure()
    {
        if (Volatile.Read(ref _failure) != null && Interlocked.Exchange(ref _failure, null) is { } failure)
        {
            ExceptionDispatchInfo.Throw(failure);
        }
    }

    // The faulty span is in no list any more; the others can be swept.
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
        // A full fence: work left by a thread that still found this round running must be visible below.
        Interlocked.Exchange(ref _round, Idle);

        InterleavingPoints.At(InterleavingPoint.BackgroundRoundEnded);

        // There is more than one round's work, or a cycle that has just begun found this round still running.
        if (sweeper.HasWork && Volatile.Read(ref _disposed) == 0)
        {
            Wake();
        }
    }
}
