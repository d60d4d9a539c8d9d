using SpanHeap.Os;
using SpanHeap.Traced.Layouts;
using SpanHeap.Traced.Spans;

namespace SpanHeap.Traced.Sweeping;

/// <summary>
/// Finds unswept spans for all sweepers: threads that need slots or pages, the background sweeper, and threads that finish a cycle.
/// </summary>
/// <remarks>Thread safe. The generation changes only while no thread is in a scope or sweeps.</remarks>
internal sealed unsafe class Sweeper(TracedSpanSource spans, SpanSweeper spanSweeper, DeadSpanQuarantine? quarantine, SweepStatistics statistics)
{
    /// <summary>The spans that a sweeper sweeps before it pauses for a moment: some microseconds, for which others may wait.</summary>
    public const int SpansAtOnce = 64;

    private readonly SweepProgress _progress = new();

    // Written by the collector while all other threads are out; read by any thread that is in a scope or counts as sweeping.
    private uint _generation = SweepGeneration.First;

    // The span class to search next for spans to sweep: earlier span classes have none left. Changed by any thread, by interlocked operations.
    private int _nextSpanClass;

    public uint Generation => Volatile.Read(ref _generation);

    /// <summary>Whether there may be spans that no thread has begun to sweep.</summary>
    public bool HasWork => !_progress.IsDrained;

    /// <summary>Whether everything is swept.</summary>
    public bool IsDone => _progress.IsDone;

    /// <summary>The number of sweepers.</summary>
    public int Sweepers => _progress.Sweepers;

    /// <summary>The number of caches that have not given back what they had when the cycle began.</summary>
    public int StaleCaches => _progress.StaleCaches;

    /// <summary>Notes that a stale cache has given back all that it had.</summary>
    public void NoteFlushed() => _progress.EndStaleCache();

    /// <summary>Begins the sweeping of a cycle whose marks are complete. No thread is in a scope, and everything is swept.</summary>
    /// <param name="staleCaches">The number of caches that have spans.</param>
    public void Advance(int staleCaches)
    {
        if (!IsDone)
        {
            throw new InvalidOperationException("A cycle cannot begin before the previous one is swept.");
        }

        Volatile.Write(ref _nextSpanClass, 1);
        Volatile.Write(ref _generation, _generation + SweepGeneration.Step);
        _progress.Reset(staleCaches);
        InterleavingPoints.At(InterleavingPoint.GenerationAdvanced);
    }

    /// <summary>Sweeps one span of any span class.</summary>
    /// <returns>Whether there was a span to sweep.</returns>
    public bool SweepOne(SweepReason reason) => Sweep(reason, spans: 1, pages: long.MaxValue, out _);

    /// <summary>Sweeps until enough spans are swept, enough pages have come back, or nothing is left to begin.</summary>
    /// <param name="reason">Why the caller sweeps.</param>
    /// <param name="spans">The most spans to sweep: the caller counts as sweeping all the while, and what it finds is counted at the end.</param>
    /// <param name="pages">The number of pages that is enough.</param>
    /// <param name="reclaimed">The number of pages that came back.</param>
    /// <returns>False if nothing is left to begin.</returns>
    /// <exception cref="HeapCorruptionException">A span could not be swept. It is in no list any more; the others can be swept.</exception>
    public bool Sweep(SweepReason reason, int spans, long pages, out long reclaimed)
    {
        reclaimed = 0;
        if (!_progress.TryBegin())
        {
            return false;
        }

        SweepTally tally = default;
        try
        {
            int freed = 0;
            while (spans-- > 0 && reclaimed < pages && (freed = SweepNext(ref tally)) >= 0)
            {
                reclaimed += freed;
            }

            return freed >= 0;
        }
        finally
        {
            // This comes before the end: a thread that finds everything swept also finds everything counted.
            statistics.Add(reason, tally);
            _progress.End();
        }
    }

    /// <summary>Sweeps spans of a span class until one has a free slot, and gives it to the caller; null if the budget has no such span.</summary>
    public TracedSpan* SweepForSlots(TracedSpanSet* set, int budget)
    {
        if (!_progress.TryBegin())
        {
            return null;
        }

        SweepTally tally = default;
        try
        {
            return SweepNextForSlots(set, budget, ref tally);
        }
        finally
        {
            statistics.Add(SweepReason.Refill, tally);
            _progress.End();
        }
    }

    /// <summary>Sweeps a span that a cache had when the cycle began, for that cache.</summary>
    public void SweepStaleCached(scoped in SweepToken token)
    {
        SweepTally tally = default;
        spanSweeper.Sweep(token, ref tally);
        statistics.Add(SweepReason.Flush, tally);
    }

    /// <summary>
    /// Releases all swept spans from the quarantine of full checks, for a caller that needs slots or pages. The caller is in a scope.
    /// </summary>
    /// <returns>Whether there was anything.</returns>
    public bool EmptyQuarantine()
    {
        SweepTally tally = default;
        bool any = spanSweeper.EmptyQuarantine(Generation, ref tally);
        statistics.Add(SweepReason.Allocation, tally);
        return any;
    }

    /// <summary>Sweeps until enough pages have come back, the budget of spans is used up, or nothing is left to begin.</summary>
    /// <returns>The number of pages that came back.</returns>
    public long Reclaim(long pages, long spanBudget)
    {
        long reclaimed = 0;
        bool more = true;
        while (more && reclaimed < pages && spanBudget > 0)
        {
            more = Sweep(SweepReason.Allocation, (int)Math.Min(SpansAtOnce, spanBudget), pages - reclaimed, out long freed);
            reclaimed += freed;
            spanBudget -= SpansAtOnce;
        }

        return reclaimed;
    }

    /// <summary>Sweeps all that is left, and waits for other sweepers.</summary>
    public void Finish()
    {
        SweepAll();

        InterleavingPoints.Await(InterleavingPoint.SweepersAwaited, () => IsDone);
        while (!IsDone)
        {
            Thread.Yield();
        }
    }

    /// <summary>Sweeps all spans that no other thread has begun to sweep.</summary>
    public void SweepAll()
    {
        while (Sweep(SweepReason.Finish, SpansAtOnce, long.MaxValue, out _))
        {
        }
    }

    /// <summary>Waits until no thread sweeps, if one does: it may have had what the caller looked for in vain.</summary>
    /// <returns>Whether a thread was sweeping.</returns>
    public bool WaitForOthers()
    {
        bool any = false;
        while (_progress.Sweepers > 0)
        {
            any = true;
            InterleavingPoints.Await(InterleavingPoint.SweepersAwaited, () => _progress.Sweepers == 0);
            Thread.Yield();
        }

        return any;
    }

    private static TracedSpan* TakeUnswept(TracedSpanSet* set, uint generation)
    {
        TracedSpan* span = set->TakeUnswept(generation, full: false);
        return span != null ? span : set->TakeUnswept(generation, full: true);
    }

    // No unswept span enters quarantine during the cycle: once there is none, there will be none.
    private TracedSpan* TakeUnswept(uint generation)
    {
        TracedSpan* span = quarantine != null ? quarantine.TakeUnswept(generation) : null;
        int spanClass;
        while (span == null && (spanClass = Volatile.Read(ref _nextSpanClass)) < SpanClasses.Count)
        {
            span = TakeUnswept(spans.SetOf((uint)spanClass), generation);
            if (span == null)
            {
                InterleavingPoints.At(InterleavingPoint.KindExhausted);
                Interlocked.CompareExchange(ref _nextSpanClass, spanClass + 1, spanClass);
            }
        }

        return span;
    }

    private int SweepNext(ref SweepTally tally)
    {
        InterleavingPoints.At(InterleavingPoint.SweepBegun);
        uint generation = Generation;
        TracedSpan* span;
        while ((span = TakeUnswept(generation)) != null)
        {
            InterleavingPoints.At(InterleavingPoint.SpanTakenUnswept);
            if (SweepToken.TryAcquire(span, generation, out SweepToken token))
            {
                InterleavingPoints.At(InterleavingPoint.SweepAcquired);
                return spanSweeper.Sweep(token, ref tally);
            }
        }

        InterleavingPoints.At(InterleavingPoint.SweepFoundNothing);
        _progress.MarkDrained();
        return -1;
    }

    private TracedSpan* SweepNextForSlots(TracedSpanSet* set, int budget, ref SweepTally tally)
    {
        InterleavingPoints.At(InterleavingPoint.SweepBegun);
        uint generation = Generation;
        TracedSpan* found = null;
        TracedSpan* span;
        while (found == null && budget-- > 0 && (span = TakeUnswept(set, generation)) != null)
        {
            InterleavingPoints.At(InterleavingPoint.SpanTakenUnswept);
            if (SweepToken.TryAcquire(span, generation, out SweepToken token))
            {
                InterleavingPoints.At(InterleavingPoint.SweepAcquired);
                if (!spanSweeper.SweepAndKeep(token, ref tally))
                {
                    continue;
                }

                if (span->Allocated < span->Span.Slots)
                {
                    found = span;
                }
                else
                {
                    set->AddSwept(span, generation);
                }
            }
        }

        return found;
    }
}
