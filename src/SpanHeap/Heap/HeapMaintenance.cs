using System.Runtime.CompilerServices;
using SpanHeap.Caches;
using SpanHeap.Pages;

namespace SpanHeap.Heap;

/// <summary>
/// Does a heap's work in the background: finds dead threads, takes back what caches have not used recently, returns memory that stays free to the
/// system, and reports misuse.
/// </summary>
/// <remarks>
/// <see cref="MaintenanceThread"/> visits the heap twice per scavenge delay while there is something to do, less and less often while threads own
/// caches but do nothing, and not at all without such threads. Each visit is a <see cref="MaintenanceRound"/>, which proceeds in steps; between two
/// steps other threads may inspect the heap. The heap is held weakly. Thread safe: there is one round at a time.
/// </remarks>
internal sealed unsafe class HeapMaintenance : MaintenanceEntry, IDisposable
{
    // A heap that no thread uses is visited half as often each time, down to once every sixteen delays.
    private const int MaxQuietDoublings = 5;

    // A full dump of the process makes free pages resident. Such pages are searched for when there is nothing else to do. A heap that has given back
    // many is visited at least every four delays. A heap whose pages were never touched has less to lose and is left to rest.
    private const int QuietRoundsBeforeScan = 2;
    private const int MaxScanDoublings = 3;
    private const int PagesWorthScanning = 2048;

    // A delay of zero does not mean a thread that never rests.
    private static readonly TimeSpan s_shortestPeriod = TimeSpan.FromMilliseconds(2);

    // Empty until Begin.
    private readonly WeakReference<MaintainedParts> _heap = new(null!);

    // The milliseconds between two visits; 0 when the heap is never visited.
    private readonly long _period;

    // Set by any thread when a slow path has left something to do; cleared by the round before it looks.
    private int _armed;

    // The number of consecutive rounds that left nothing to do. Written by rounds, and by any thread that arms the heap again: a race costs or saves
    // a round.
    private int _quietRounds;

    // When the last round began, by the system's clock of milliseconds. Used by rounds only.
    private long _lastRound = Environment.TickCount64;

    // A delegate*<void> that the end of the first visit calls, without the turn; 0 for none. Interlocked.
    private nint _onFirstVisit;

    // Held by a round, or by a thread that inspects the heap as a whole.
    private MaintenanceTurn _turn;

    /// <param name="scavengeDelay">How long free memory stays with the heap; infinite for a heap that is never visited.</param>
    public HeapMaintenance(TimeSpan scavengeDelay)
    {
        if (scavengeDelay != Timeout.InfiniteTimeSpan)
        {
            TimeSpan period = scavengeDelay / PageRetention.RoundsPerDelay;
            _period = (long)(period < s_shortestPeriod ? s_shortestPeriod : period).TotalMilliseconds;
        }
    }

    /// <summary>Sets the parts to maintain, once, when the heap has them. Before that there is nothing to do.</summary>
    public void Begin(MaintainedParts heap) => _heap.SetTarget(heap);

    /// <summary>Sets what the end of the first visit calls, once. It must not throw, and the thread has a small stack.</summary>
    public void OnFirstVisit(delegate*<void> call) => Volatile.Write(ref _onFirstVisit, (nint)call);

    /// <summary>Makes sure that the heap is visited.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Arm()
    {
        if (Volatile.Read(ref _armed) == 0)
        {
            ArmFirst();
        }
    }

    /// <summary>Takes back everything that caches keep, except the blocks on the stacks of other threads that do not wait.</summary>
    public void DrainAll() => RunAll(MaintenanceStep.LastOfDraining);

    /// <summary>Takes back everything that caches keep, like <see cref="DrainAll"/>, and gives all free memory back to the system.</summary>
    public void Trim()
    {
        if (_heap.TryGetTarget(out MaintainedParts? heap))
        {
            heap.Discards.EndPause();
        }

        RunAll(MaintenanceStep.LastOfTrim);
    }

    /// <summary>Keeps rounds from continuing while a thread inspects the heap as a whole. Waits for the end of the step in progress.</summary>
    public void Pause() => _turn.Take();

    /// <summary>Does the same unless it would take too long. Returns false in that case, and a round may then be in progress.</summary>
    public bool TryPause(TimeSpan patience) => _turn.TryTake(patience);

    public void Resume() => _turn.Return();

    /// <summary>Ends all visits. A round in progress takes no further step, because what it walks over is about to be freed.</summary>
    public void Dispose()
    {
        MaintenanceThread.OfHeaps.Remove(this);
        _turn.End();
    }

    /// <summary>Does a round.</summary>
    public override void Visit()
    {
        if (!_turn.TryTake())
        {
            // Later, if a thread is inspecting the heap as a whole.
            if (!_turn.HasEnded)
            {
                Schedule();
            }

            return;
        }

        // Cleared before looking, so that whatever comes afterwards arms the heap again.
        Volatile.Write(ref _armed, 0);
        bool again = false;
        if (_heap.TryGetTarget(out MaintainedParts? heap))
        {
            heap.Clock.Advance();
            heap.Os.WatchCalls();
            MaintenanceRound round = new(heap, idleOnly: true, MaintenanceStep.Last)
            {
                FindsResident = _quietRounds >= QuietRoundsBeforeScan && !heap.HugePages,
                RetriesRefused = heap.PageScavenger.BeginRetry(),
                Periods = PeriodsSinceLastRound(),
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
            heap.Reporter.Queue();
        }

        nint onFirst = Volatile.Read(ref _onFirstVisit) != 0 ? Interlocked.Exchange(ref _onFirstVisit, 0) : 0;
        if (onFirst != 0)
        {
            ((delegate*<void>)onFirst)();
        }
    }

    private int PeriodsSinceLastRound()
    {
        long last = _lastRound;
        _lastRound = Environment.TickCount64;
        return (int)Math.Clamp((_lastRound - last + (_period / 2)) / Math.Max(_period, 1), 1, int.MaxValue);
    }

    private void ArmFirst()
    {
        if (Interlocked.Exchange(ref _armed, 1) == 0)
        {
            _quietRounds = 0;
            Schedule();
        }
    }

    private void ScheduleNext(MaintainedParts heap, bool again)
    {
        if (again)
        {
            Arm();
        }
        else if (heap.Registry.OwnedCount > 0)
        {
            // A thread may die at any time without a word, and leave its stacks full.
            bool hasMuch = Math.Min(heap.PageScavenger.PagesDiscarded, heap.Pages.PagesGivenBack) >= PagesWorthScanning;
            _quietRounds = Math.Min(_quietRounds + 1, hasMuch ? MaxScanDoublings : MaxQuietDoublings);
            Schedule();
            if (Volatile.Read(ref _armed) != 0)
            {
                // Another thread armed the heap during this round, and was just overruled.
                _quietRounds = 0;
                Schedule();
            }
        }
    }

    private void Schedule()
    {
        if (_period != 0 && !MaintenanceThread.OfHeaps.Schedule(this, _period << _quietRounds))
        {
            // Without a thread there are no visits, so the next slow path tries again.
            Volatile.Write(ref _armed, 0);
        }
    }

    // Without the turn: a Trim waits for no round, and no round waits for a Trim.
    private void RunAll(MaintenanceStep last)
    {
        if (_heap.TryGetTarget(out MaintainedParts? heap))
        {
            // The memory of dead threads' caches is wanted now, whatever the system has refused before.
            heap.Orphans.EndPause();
            ThreadCache* own = heap.State.FindOwnCache();
            if (own != ThreadCache.None)
            {
                heap.Caches.DrainStacks(own);
            }

            MaintenanceRound round = new(heap, idleOnly: false, last) { FindsResident = !heap.HugePages };
            while (round.Step())
            {
            }
        }
    }
}
