using System.Diagnostics;
using SpanHeap.Pages;
using SpanHeap.Traced.Contract;
using SpanHeap.Traced.Spans;
using SpanHeap.Traced.Sweeping;

namespace SpanHeap.Traced.Pacing;

/// <summary>
/// Decides when a cycle begins, and how much of the previous cycle must be swept by then. Each allocation sweeps in proportion, so that none waits
/// for all the sweeping at once.
/// </summary>
/// <remarks>Thread safe: sums are interlocked, and a cycle sets its fields while no thread is in a scope.</remarks>
internal sealed class Pacer(Sweeper sweeper, SweepStatistics statistics, TracedSpanSource spans, MemoryRoom room, TracingOptions options)
{
    /// <summary>
    /// The most spans that an allocation sweeps, beside one for each page that it takes: some 10 to 30 microseconds. A large block takes longer to be
    /// cleared than that many spans to be swept.
    /// </summary>
    public const int MostSpansToPay = 256;

    // Bytes of live blocks, as far as is known: what the last cycle marked, and what was taken since.
    private long _live;
    private long _goal = Math.Min(options.MinimumBytes, room.After(0));

    // How much the heap may grow until the goal. Set together with the goal.
    private long _growth = Math.Min(options.MinimumBytes, room.After(0));

    // The bytes from which growth counts while a cycle marks beside threads: the goal, or what lived when marking began if that is more.
    private long _markingFrom = Math.Min(options.MinimumBytes, room.After(0));

    // For this cycle: bytes taken since it was marked, pages to be swept, and pages swept by all cycles when it began.
    private long _taken;
    private long _pagesToSweep;
    private long _pagesSweptBefore;
    private int _due = options.IsStressed ? 1 : 0;

    // Whether a limit determines the growth that is allowed, set together with the goal; and whether the limit was reached, set by any thread.
    private bool _isLimited;
    private int _limitReached;

    // Whether the next cycle must find all that is dead. Set by any thread, cleared when the goal is set.
    private int _majorWanted = options.IsStressed ? 1 : 0;

    // Whether the heap has refused a block. Set by any thread, cleared when the goal is set.
    private int _refused;

    /// <summary>How long allocations have swept, marked, and waited for a marker.</summary>
    public AssistTimes Assists => Pace.Assists;

    /// <summary>Whether a cycle is due.</summary>
    public bool IsDue => Volatile.Read(ref _due) != 0;

    /// <summary>The bytes that are live, or were when last determined.</summary>
    public long LiveBytes => Volatile.Read(ref _live);

    /// <summary>Bytes at which the next cycle begins.</summary>
    public long GoalBytes => Volatile.Read(ref _goal);

    /// <summary>
    /// By how much the heap has outgrown the goal, as a fraction of the growth that led there: 1 if it has grown twice as much as it should.
    /// Infinity if a limit was reached. Less than 0 before the goal.
    /// </summary>
    public double Overshoot =>
        Volatile.Read(ref _limitReached) != 0 ? double.PositiveInfinity : (LiveBytes - GoalBytes) / (double)Math.Max(1, Volatile.Read(ref _growth));

    /// <summary>Whether the heap has grown twice as much as it should until the goal.</summary>
    public bool IsOutgrown => LiveBytes - GoalBytes >= Volatile.Read(ref _growth);

    /// <summary>Whether a limit was reached since the last cycle, however little the heap has grown.</summary>
    public bool IsLimitReached => Volatile.Read(ref _limitReached) != 0;

    /// <summary>Bytes taken since the last cycle marked.</summary>
    public long BytesTaken => Volatile.Read(ref _taken);

    /// <summary>Why a cycle is due.</summary>
    public CollectionReason DueReason => _isLimited || Volatile.Read(ref _limitReached) != 0 ? CollectionReason.MemoryLimit : CollectionReason.Growth;

    /// <summary>Notes bytes of slots that were taken, and sweeps what is owed for them.</summary>
    public void NoteTaken(long bytes)
    {
        long live = Interlocked.Add(ref _live, bytes);
        long taken = Interlocked.Add(ref _taken, bytes);
        if (live >= Volatile.Read(ref _goal) && !options.ByHand)
        {
            Volatile.Write(ref _due, 1);
        }

        // Also past the goal: a cycle that is under way, or that scopes hold up, must not let threads fill the heap.
        if (room.IsNarrow(live, taken))
        {
            RequestCycle();
        }

        PayFor(bytes, taken);
    }

    /// <summary>Whether a block was refused since the last cycle: the next must take back all that caches hold.</summary>
    public bool HasRefused => Volatile.Read(ref _refused) != 0;

    /// <summary>Notes that a block is refused, and makes a cycle due like <see cref="RequestCycle"/>.</summary>
    public void NoteRefused()
    {
        Volatile.Write(ref _refused, 1);
        RequestCycle();
    }

    /// <summary>Notes that the limit is reached: a cycle is due at the next scope, however little the heap has grown.</summary>
    public void RequestCycle()
    {
        Volatile.Write(ref _limitReached, 1);
        Volatile.Write(ref _due, options.ByHand ? 0 : 1);
    }

    /// <summary>Whether the next cycle must find all that is dead, and not only young blocks.</summary>
    public bool WantsMajor => Volatile.Read(ref _majorWanted) != 0;

    /// <summary>Makes a cycle due at the next scope, so that all dead blocks are found. Does nothing in a heap that is only collected by hand.</summary>
    public void MakeDue()
    {
        if (!options.ByHand)
        {
            Volatile.Write(ref _majorWanted, 1);
            Volatile.Write(ref _due, 1);
        }
    }

    /// <summary>
    /// Whether the heap may grow while a cycle that is due marks: a limit leaves as much as if nothing had died, and nothing that dies meanwhile were found
    /// before the cycle after it.
    /// </summary>
    public bool HasRoomToMark => DueReason == CollectionReason.Growth && room.After(LiveBytes) - Volatile.Read(ref _growth) >= LiveBytes;

    /// <summary>How far a marker that works beside threads has come.</summary>
    public MarkPace Pace { get; } = new();

    /// <summary>Whether threads have made more than that marker allows.</summary>
    public bool IsAheadOfMarker => Pace.IsAhead(LiveBytes - Volatile.Read(ref _markingFrom), GrowthWhileMarking);

    /// <summary>Notes that a cycle begins to mark while threads go on. It stays due until it has marked. No thread is in a scope.</summary>
    public void BeginMarking()
    {
        _majorWanted = 0;
        Volatile.Write(ref _markingFrom, Math.Max(_goal, _live));

        // This is the most that it may have to mark. A heap in which much has died is marked before threads have to wait for long.
        Pace.Begin(_live);
    }

    /// <summary>
    /// Whether a cycle that marks while threads go on should end soon: the heap has grown by half as much again as it should have, counted from where marking
    /// began if that was later than it should have been, or a limit was reached.
    /// </summary>
    public bool IsBehind => Volatile.Read(ref _limitReached) != 0 || LiveBytes - Volatile.Read(ref _markingFrom) >= GrowthWhileMarking;

    private long GrowthWhileMarking => Volatile.Read(ref _growth) / 2;

    /// <summary>Notes what a cycle has marked; its sweeping begins. No thread is in a scope.</summary>
    /// <param name="marked">The bytes that are marked.</param>
    /// <param name="known">The bytes that are known to live, of which the heap may grow by a part: fewer after a minor collection.</param>
    /// <param name="isConcurrent">Whether threads went on: this cycle does not fulfil a wish that came meanwhile, because it keeps what has died since it began.</param>
    public void BeginCycle(long marked, long known, bool isConcurrent = false)
    {
        _live = marked;
        _taken = 0;
        _pagesToSweep = spans.PagesInUse;
        _pagesSweptBefore = statistics.Pages;
        bool wantsMajor = isConcurrent && WantsMajor;
        bool hasRefused = isConcurrent && HasRefused;
        SetGoal(known);
        if (wantsMajor)
        {
            MakeDue();
        }

        if (hasRefused)
        {
            NoteRefused();
        }
    }

    /// <summary>Notes that a cycle was given up: the next is due when the heap has grown as much again. No thread is in a scope.</summary>
    public void PutOff() => SetGoal(_live);

    private void SetGoal(long known)
    {
        long growth = Math.Max(options.MinimumBytes, (long)(known * (options.GrowthPercent / 100.0)));
        long allowed = room.After(_live);
        _isLimited = allowed < growth;
        Pace.End();
        _limitReached = 0;
        _refused = 0;
        _majorWanted = options.IsStressed ? 1 : 0;
        _growth = Math.Min(growth, allowed);
        Volatile.Write(ref _goal, _live + _growth);
        Volatile.Write(ref _markingFrom, _goal);
        Volatile.Write(ref _due, options.IsStressed ? 1 : 0);
    }

    // Everything is swept halfway to the next cycle, unless more is owed than an allocation should wait for. The next allocations, or the background,
    // then sweep the rest; at worst the cycle does before it marks.
    private void PayFor(long bytes, long taken)
    {
        if (sweeper.IsDone)
        {
            return;
        }

        long distance = Math.Max(1, (_goal - (_live - _taken)) / 2);
        double part = Math.Min(1, (double)taken / distance);
        long owed = (long)(_pagesToSweep * part);
        if (statistics.Pages - _pagesSweptBefore >= owed)
        {
            return;
        }

        long start = Stopwatch.GetTimestamp();
        long left = MostSpansToPay + Math.Max(0, bytes >> PageGeometry.PageShift);
        while (left-- > 0 && statistics.Pages - _pagesSweptBefore < owed && sweeper.SweepOne(SweepReason.Allocation))
        {
        }

        Assists.NoteSince(start);
    }
}
