namespace SpanHeap.Caches;

/// <summary>
/// What a heap does while its program does not: it finds dead threads, takes back what caches have not used lately, gives memory that
/// stays free back to the system, and reports misuse.
/// </summary>
/// <remarks>
/// <see cref="MaintenanceThread"/> visits the heap twice per scavenge delay while there is something to do, less and less often while
/// threads own caches but do nothing, and not at all without them. Each visit is a <see cref="MaintenanceRound"/>, which goes in steps;
/// between two steps others may look at the heap. The heap is held weakly. Thread safe: one round at a time.
/// </remarks>
internal sealed class HeapMaintenance : IDisposable
{
    private const int RoundsPerDelay = 2;

    // A heap that nobody uses is visited half as often each time, down to every sixteen delays.
    private const int MaxQuietDoublings = 5;

    // A full dump of the process makes free pages resident. They are looked for when nothing else is to be done; a heap that has given
    // many back is visited every four delays at least. One whose pages were never touched has less to lose, and is let rest.
    private const int QuietRoundsBeforeScan = 2;
    private const int MaxScanDoublings = 3;
    private const int PagesWorthScanning = 2048;

    // A delay of nothing does not mean a thread that never rests.
    private static readonly TimeSpan s_shortestPeriod = TimeSpan.FromMilliseconds(2);

    private readonly WeakReference<HeapCore> _heap;

    // Milliseconds between two visits; 0 when the heap is never visited.
    private readonly long _period;

    // Set when a slow path has left something to do; cleared by the round before it looks. Any thread.
    private int _armed;

    // Rounds in a row that left nothing to do. Written by rounds, and by whoever arms the heap again: a mix-up costs or saves a round.
    private int _quietRounds;

    // A round's, or that of whoever looks at the heap as a whole.
    private RoundTurn _turn;

    public HeapMaintenance(HeapCore heap)
    {
        _heap = new WeakReference<HeapCore>(heap);
        if (heap.Options.ScavengeDelay != Timeout.InfiniteTimeSpan)
        {
            TimeSpan period = heap.Options.ScavengeDelay / RoundsPerDelay;
            _period = (long)(period < s_shortestPeriod ? s_shortestPeriod : period).TotalMilliseconds;
        }
    }

    /// <summary>The tick, in milliseconds, when the heap is to be visited. This and the links below belong to the queue, and are guarded by its lock.</summary>
    public long Due { get; set; }

    public bool IsQueued { get; set; }

    /// <summary>The first of the entries that this one is before.</summary>
    public HeapMaintenance? Child { get; set; }

    public HeapMaintenance? Sibling { get; set; }

    /// <summary>The sibling before this one, or the entry whose first child this is.</summary>
    public HeapMaintenance? Previous { get; set; }

    /// <summary>Makes sure that the heap is visited.</summary>
    public void Arm()
    {
        if (Volatile.Read(ref _armed) == 0 && Interlocked.Exchange(ref _armed, 1) == 0)
        {
            _quietRounds = 0;
            Schedule();
        }
    }

    /// <summary>Takes back all that caches keep, but for what lies on the stacks of other threads that do not wait.</summary>
    public void DrainAll() => RunAll(MaintenanceStep.LastOfDraining);

    /// <summary>Takes back all that caches keep, as <see cref="DrainAll"/>, and gives all free memory back to the system.</summary>
    public void Trim()
    {
        if (_heap.TryGetTarget(out HeapCore? heap))
        {
            heap.Discards.EndPause();
        }

        RunAll(MaintenanceStep.LastOfTrim);
    }

    /// <summary>Keeps rounds from going on, for whoever looks at the heap as a whole; waits for the end of the step that is under way.</summary>
    public void Pause() => _turn.Take();

    public void Resume() => _turn.Return();

    /// <summary>Ends visits. A round that is under way goes no step further: what it walks is about to be freed.</summary>
    public void Dispose()
    {
        MaintenanceThread.Remove(this);
        _turn.End();
    }

    /// <summary>Does a round. For the maintenance thread.</summary>
    public void Visit()
    {
        if (!_turn.TryTake())
        {
            // While somebody looks at the heap as a whole, later.
            if (!_turn.HasEnded)
            {
                Schedule();
            }

            return;
        }

        // Cleared before looking: what comes after arms the heap again.
        Volatile.Write(ref _armed, 0);
        bool again = false;
        if (_heap.TryGetTarget(out HeapCore? heap))
        {
            heap.Clock.Advance();
            MaintenanceRound round = new(heap, idleOnly: true, MaintenanceStep.Last)
            {
                FindsResident = _quietRounds >= QuietRoundsBeforeScan && !heap.Options.HugePages,
                RetriesRefused = heap.PageScavenger.BeginRetry(),
            };
            while (round.Step())
            {
                if (!_turn.GiveWay())
                {
                    return;
                }
            }

            again = round.IsWorkLeft;
        }

        _turn.Return();
        if (heap != null)
        {
            ScheduleNext(heap, again);
            heap.QueueMisuseReport();
        }
    }

    private void ScheduleNext(HeapCore heap, bool again)
    {
        if (again)
        {
            Arm();
        }
        else if (heap.Registry.OwnedCount > 0)
        {
            // A thread may die any time without a word, and leave its stacks full.
            bool hasMuch = Math.Min(heap.PageScavenger.PagesDiscarded, heap.Pages.PagesGivenBack) >= PagesWorthScanning;
            _quietRounds = Math.Min(_quietRounds + 1, hasMuch ? MaxScanDoublings : MaxQuietDoublings);
            Schedule();
            if (Volatile.Read(ref _armed) != 0)
            {
                // Somebody armed the heap while this round was on, and was just overruled.
                _quietRounds = 0;
                Schedule();
            }
        }
    }

    private void Schedule()
    {
        if (_period != 0 && !MaintenanceThread.Schedule(this, _period << _quietRounds))
        {
            // Without a thread nobody comes: the next slow path tries again.
            Volatile.Write(ref _armed, 0);
        }
    }

    // Without the turn: a Trim waits for nobody, and nobody for a Trim.
    private void RunAll(MaintenanceStep last)
    {
        if (_heap.TryGetTarget(out HeapCore? heap))
        {
            heap.DrainOwnStacks();
            MaintenanceRound round = new(heap, idleOnly: false, last) { FindsResident = !heap.Options.HugePages };
            while (round.Step())
            {
            }
        }
    }
}
