using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Caches;

/// <summary>
/// What a heap does while its program does not: finds dead threads, takes back what caches have not used lately, gives memory that
/// stays free back to the system, and reports misuse.
/// </summary>
/// <remarks>
/// Driven by a timer that comes twice per scavenge delay while there is something to do, less and less often while threads own caches
/// but do nothing, and not at all without them. It holds the heap weakly. Thread safe: one round at a time.
/// </remarks>
internal sealed unsafe class IdleWork : IDisposable
{
    private const int RoundsPerDelay = 2;

    // A heap that nobody uses is visited half as often each time, down to every sixteen delays.
    private const int MaxQuietDoublings = 5;

    // A delay of nothing does not mean a timer that never rests.
    private static readonly TimeSpan s_shortestPeriod = TimeSpan.FromMilliseconds(2);

    private readonly WeakReference<HeapCore> _heap;
    private readonly TimeSpan _period;
    private readonly Timer? _timer;

    // Set when a slow path has left something to do; cleared by the round before it looks. Any thread.
    private int _armed;

    // Rounds in a row that left nothing to do. Written by rounds, and by who arms the timer again: a mix-up costs or saves a round.
    private int _quietRounds;

    // A round's, or that of who looks at the heap as a whole.
    private RoundTurn _turn;

    public IdleWork(HeapCore heap)
    {
        _heap = new WeakReference<HeapCore>(heap);
        if (heap.Options.ScavengeDelay != Timeout.InfiniteTimeSpan)
        {
            TimeSpan period = heap.Options.ScavengeDelay / RoundsPerDelay;
            _period = period < s_shortestPeriod ? s_shortestPeriod : period;
            _timer = CreateTimer();
        }
    }

    /// <summary>Makes sure that the timer comes.</summary>
    public void Arm()
    {
        if (Volatile.Read(ref _armed) == 0 && Interlocked.Exchange(ref _armed, 1) == 0)
        {
            _quietRounds = 0;
            Schedule();
        }
    }

    /// <summary>Takes back all that caches keep, but for what lies on other living threads' stacks.</summary>
    public void DrainAll()
    {
        if (_heap.TryGetTarget(out HeapCore? heap))
        {
            heap.Registry.Poll(int.MaxValue);
            heap.DrainOwnStacks();
            Drain(heap, idleOnly: false);
        }
    }

    /// <summary>Keeps rounds from beginning, for who looks at the heap as a whole; waits for one that is under way.</summary>
    public void Pause() => _turn.Take();

    public void Resume() => _turn.Return();

    /// <summary>Gives all free pages back to the system.</summary>
    public void ScavengeAll()
    {
        if (_heap.TryGetTarget(out HeapCore? heap))
        {
            Hollow(heap, idleOnly: false);
            Scavenge(heap, agedOnly: false);
        }
    }

    public void Dispose()
    {
        if (_timer != null)
        {
            // The runtime's timers have a lock inside, and what comes after this frees the heap.
            Uninterrupted.Dispose(_timer);
        }

        // A round that is under way walks what is about to be freed.
        _turn.End();
    }

    // After Dispose a timer refuses quietly.
    private void Schedule()
    {
        try
        {
            _timer?.Change(_period * (1 << _quietRounds), Timeout.InfiniteTimeSpan);
        }
        catch (ThreadInterruptedException)
        {
            // The runtime's timers have a lock that can be interrupted. A free that has succeeded is not the place to say so: the
            // interrupt comes again where the program waits, and the timer with the next slow path.
            Volatile.Write(ref _armed, 0);
            Thread.CurrentThread.Interrupt();
        }
    }

    // The timer must not carry the context of whoever made the heap.
    private Timer CreateTimer()
    {
        bool flows = !ExecutionContext.IsFlowSuppressed();
        if (flows)
        {
            ExecutionContext.SuppressFlow();
        }

        try
        {
            return new Timer(static state => ((IdleWork)state!).OnTimer(), this, Timeout.Infinite, Timeout.Infinite);
        }
        finally
        {
            if (flows)
            {
                ExecutionContext.RestoreFlow();
            }
        }
    }

    private void OnTimer()
    {
        if (!_turn.TryTake())
        {
            // Somebody looks at the heap as a whole, or has disposed it: then nothing is scheduled.
            Schedule();
            return;
        }

        // Cleared before looking: what comes after arms the timer again.
        Volatile.Write(ref _armed, 0);
        bool again = _heap.TryGetTarget(out HeapCore? heap) && Round(heap);
        _turn.Return();
        if (again)
        {
            Arm();
        }
        else if (heap != null && heap.Registry.OwnedCount > 0)
        {
            // A thread may die any time without a word, and leave its stacks full.
            _quietRounds = Math.Min(_quietRounds + 1, MaxQuietDoublings);
            Schedule();
            if (Volatile.Read(ref _armed) != 0)
            {
                // Somebody armed it while this round was on, and was just overruled.
                _quietRounds = 0;
                Schedule();
            }
        }

        heap?.ReportMisuse();
    }

    // True when another round will have something to do.
    private static bool Round(HeapCore heap)
    {
        heap.Clock.Advance();
        heap.Registry.Poll(int.MaxValue);
        bool kept = Drain(heap, idleOnly: true);
        Hollow(heap, idleOnly: true);
        Scavenge(heap, agedOnly: true);
        return heap.Pages.AgeFreePages() || kept;
    }

    // True when something is still kept.
    private static bool Drain(HeapCore heap, bool idleOnly)
    {
        // In this order, because each step may leave something for the next: outboxes fill inboxes, and those fill spans.
        DrainOrphans(heap);
        bool kept = false;
        int count = heap.Registry.Count;
        for (int i = 0; i < count; i++)
        {
            kept |= heap.FlushOutbox(heap.Registry[i], idleOnly);
        }

        for (int i = 0; i < count; i++)
        {
            heap.DrainInbox(heap.Registry[i]);
            kept |= heap.DrainShelves(heap.Registry[i], idleOnly);
        }

        return kept;
    }

    // One at a time: an orphan taken for draining cannot be adopted meanwhile, because its stacks are the drainer's.
    private static void DrainOrphans(HeapCore heap)
    {
        for (int left = heap.Registry.OrphanCount; left > 0; left--)
        {
            ThreadCache* orphan = heap.Registry.TakeOrphan();
            if (orphan == null)
            {
                return;
            }

            heap.DrainStacks(orphan);
            heap.FlushOutbox(orphan, idleOnly: false);
            heap.DrainInbox(orphan);
            heap.DrainShelves(orphan, idleOnly: false);
            heap.MoveSpansToCentral(orphan);
            heap.Registry.ReturnOrphan(orphan);
        }
    }

    private static void GiveBack(HeapCore heap, in PageRun run)
    {
        bool discarded = heap.Os.Discard(run.Address, run.Bytes);
        ArenaHeader.DiscardRecords(heap.Os, run);
        heap.Pages.FinishScavenge(run, discarded, zero: discarded && OsMemory.DiscardedPagesAreZero);
    }

    private static void Hollow(HeapCore heap, bool idleOnly)
    {
        for (int i = 0; i < heap.Registry.Count; i++)
        {
            heap.HollowSpans(heap.Registry[i], idleOnly);
        }
    }

    private static void Scavenge(HeapCore heap, bool agedOnly)
    {
        PageHeap pages = heap.Pages;
        for (nint from = 0; pages.TakeForScavenge(from, agedOnly, out PageRun run); from = run.End)
        {
            GiveBack(heap, run);
        }

        // An arena that fell empty bit by bit: its records go as one.
        for (nint from = 0; pages.TakeEmptyArena(from, out PageRun run); from = run.End)
        {
            GiveBack(heap, run);
        }
    }
}
