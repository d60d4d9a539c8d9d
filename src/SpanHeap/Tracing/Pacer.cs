using SpanHeap.Sweeping;

namespace SpanHeap.Tracing;

/// <summary>
/// When a cycle begins, and how much of the one before must be swept by then: each allocation sweeps in proportion, so that none waits
/// for all the sweeping at once.
/// </summary>
/// <remarks>Thread safe: sums are interlocked, and what a cycle sets is set while no thread is in a scope.</remarks>
internal sealed class Pacer(Sweeper sweeper, SweepStatistics statistics, TracedSpanSource spans, MemoryRoom room, TracingOptions options)
{
    // Bytes of live blocks, as far as is known: what the last cycle marked, and what was taken since.
    private long _live;
    private long _goal = Math.Min(options.MinimumBytes, room.After(0));

    // How much the heap was to grow until the goal. Set as the goal is.
    private long _growth = Math.Min(options.MinimumBytes, room.After(0));

    // Of the cycle: taken since it was marked, pages that were to be swept, and pages swept by all cycles when it began.
    private long _taken;
    private long _pagesToSweep;
    private long _pagesSweptBefore;
    private int _due = options.IsStressed ? 1 : 0;

    // Whether the growth that is allowed is what a limit leaves; and whether the limit was reached. Set as the goal is, and by any thread.
    private bool _isLimited;
    private int _limitReached;

    // Whether it has refused a block. Set by any thread, cleared as the goal is set.
    private int _refused;

    /// <summary>Whether the heap has grown enough.</summary>
    public bool IsDue => Volatile.Read(ref _due) != 0;

    /// <summary>Bytes that are live, or were when last looked at.</summary>
    public long LiveBytes => Volatile.Read(ref _live);

    /// <summary>Bytes at which the next cycle begins.</summary>
    public long GoalBytes => Volatile.Read(ref _goal);

    /// <summary>
    /// By how much the heap has outgrown the goal, in parts of the growth that led there: 1 when it has grown twice as much as it was to.
    /// Infinity when a limit was reached. Less than 0 before the goal.
    /// </summary>
    public double Overshoot =>
        Volatile.Read(ref _limitReached) != 0 ? double.PositiveInfinity : (LiveBytes - GoalBytes) / (double)Math.Max(1, Volatile.Read(ref _growth));

    /// <summary>Whether the heap has grown twice as much as it was to until the goal.</summary>
    public bool IsOutgrown => LiveBytes - GoalBytes >= Volatile.Read(ref _growth);

    /// <summary>Bytes taken since the last cycle marked.</summary>
    public long BytesTaken => Volatile.Read(ref _taken);

    /// <summary>Why a cycle that is due is.</summary>
    public CollectionReason DueReason => _isLimited || Volatile.Read(ref _limitReached) != 0 ? CollectionReason.MemoryLimit : CollectionReason.Growth;

    /// <summary>Takes note of slots taken, and sweeps what is owed for them.</summary>
    public void NoteTaken(long bytes)
    {
        long live = Interlocked.Add(ref _live, bytes);
        long taken = Interlocked.Add(ref _taken, bytes);
        if (live >= Volatile.Read(ref _goal) && !options.ByHand)
        {
            Volatile.Write(ref _due, 1);
        }
        else if (room.IsNarrow(live, taken))
        {
            RequestCycle();
        }

        PayFor(taken);
    }

    /// <summary>Whether a block was refused since the last cycle: the next is to take back all that caches have.</summary>
    public bool HasRefused => Volatile.Read(ref _refused) != 0;

    /// <summary>A block is refused: a cycle is due as after <see cref="RequestCycle"/>.</summary>
    public void NoteRefused()
    {
        Volatile.Write(ref _refused, 1);
        RequestCycle();
    }

    /// <summary>The limit is reached: a cycle is due at the next scope, however little the heap has grown.</summary>
    public void RequestCycle()
    {
        Volatile.Write(ref _limitReached, 1);
        Volatile.Write(ref _due, options.ByHand ? 0 : 1);
    }

    /// <summary>A cycle is due at the next scope, so that what has died shows. Nothing in a heap that is collected by hand.</summary>
    public void MakeDue()
    {
        if (!options.ByHand)
        {
            Volatile.Write(ref _due, 1);
        }
    }

    /// <summary>A cycle has marked so many bytes; its sweeping begins. No thread is in a scope.</summary>
    public void BeginCycle(long marked)
    {
        _live = marked;
        _taken = 0;
        _pagesToSweep = spans.PagesInUse;
        _pagesSweptBefore = statistics.Pages;
        SetGoal();
    }

    /// <summary>A cycle was given up: the next is due when the heap has grown as much again. No thread is in a scope.</summary>
    public void PutOff()
    {
        SetGoal();
    }

    private void SetGoal()
    {
        long growth = Math.Max(options.MinimumBytes, (long)(_live * (options.GrowthPercent / 100.0)));
        long allowed = room.After(_live);
        _isLimited = allowed < growth;
        _limitReached = 0;
        _refused = 0;
        _growth = Math.Min(growth, allowed);
        Volatile.Write(ref _goal, _live + _growth);
        Volatile.Write(ref _due, options.IsStressed ? 1 : 0);
    }

    // All is swept when half of the way to the next cycle is gone.
    private void PayFor(long taken)
    {
        if (sweeper.IsDone)
        {
            return;
        }

        long distance = Math.Max(1, (_goal - (_live - _taken)) / 2);
        double part = Math.Min(1, (double)taken / distance);
        long owed = (long)(_pagesToSweep * part);
        while (statistics.Pages - _pagesSweptBefore < owed && sweeper.SweepOne(SweepReason.Allocation))
        {
        }
    }
}
