using SpanHeap.Layouts;
using SpanHeap.Os;
using SpanHeap.Spans;

namespace SpanHeap.Sweeping;

/// <summary>
/// Finds spans that are not swept, for whoever sweeps: threads that need slots or pages, the background sweeper, and who ends a cycle.
/// </summary>
/// <remarks>Thread safe. The generation changes only while no thread is in a scope and nobody sweeps.</remarks>
internal sealed unsafe class Sweeper(TracedSpanSource spans, SpanSweeper spanSweeper, SweepStatistics statistics)
{
    /// <summary>Spans that one sweeps before he is out for a moment: some microseconds, which others may wait for.</summary>
    public const int SpansAtOnce = 64;

    private readonly SweepProgress _progress = new();

    // Written by the collector while all others are out; read by anybody who is in a scope or counted as sweeping.
    private uint _generation = SweepGeneration.First;

    // The kind that is looked at next for spans to sweep: those before it have none left. Any thread, by interlocked steps.
    private int _nextKind;

    public uint Generation => Volatile.Read(ref _generation);

    /// <summary>Whether there may be spans that nobody sweeps yet.</summary>
    public bool HasWork => !_progress.IsDrained;

    /// <summary>Whether all is swept.</summary>
    public bool IsDone => _progress.IsDone;

    /// <summary>How many are sweeping.</summary>
    public int Sweepers => _progress.Sweepers;

    /// <summary>How many caches have not given back what they had when the cycle began.</summary>
    public int StaleCaches => _progress.StaleCaches;

    /// <summary>A cache that was stale has given back all that it had.</summary>
    public void NoteFlushed() => _progress.EndStaleCache();

    /// <summary>Begins the sweeping of a cycle whose marks are complete. No thread is in a scope, and all is swept.</summary>
    /// <param name="staleCaches">Caches that have spans.</param>
    public void Advance(int staleCaches)
    {
        if (!IsDone)
        {
            throw new InvalidOperationException("A cycle cannot begin before the one before is swept.");
        }

        Volatile.Write(ref _nextKind, 1);
        Volatile.Write(ref _generation, _generation + SweepGeneration.Step);
        _progress.Reset(staleCaches);
        InterleavingPoints.At(InterleavingPoint.GenerationAdvanced);
    }

    /// <summary>Sweeps one span of any kind.</summary>
    /// <returns>Whether there was one.</returns>
    public bool SweepOne(SweepReason reason) => Sweep(reason, spans: 1, pages: long.MaxValue, out _);

    /// <summary>Sweeps until so many spans are swept, or so many pages have come back, or nothing is left to begin.</summary>
    /// <param name="reason">Who sweeps.</param>
    /// <param name="spans">Spans to sweep at most: the caller counts as sweeping all the while, and what he finds is counted at the end.</param>
    /// <param name="pages">Pages that are enough.</param>
    /// <param name="reclaimed">The pages that came back.</param>
    /// <returns>False when nothing is left to begin.</returns>
    /// <exception cref="HeapCorruptionException">A span could not be swept. It is in no list any more; the others can be.</exception>
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
            // Before the end: who finds all swept finds all counted.
            statistics.Add(reason, tally);
            _progress.End();
        }
    }

    /// <summary>Sweeps spans of a kind until one has a free slot, which is the caller's then; null when there is none among so many.</summary>
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

    /// <summary>Sweeps what a cache had when the cycle began, for the cache.</summary>
    public void SweepStaleCached(scoped in SweepToken token)
    {
        SweepTally tally = default;
        spanSweeper.Sweep(token, ref tally);
        statistics.Add(SweepReason.Flush, tally);
    }

    /// <summary>Sweeps until so many pages have come back, or so many spans are swept, or nothing is left to begin.</summary>
    /// <returns>The pages that came back.</returns>
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

    /// <summary>Sweeps all that is left, and waits for those who are still sweeping.</summary>
    public void Finish()
    {
        SweepAll();

        InterleavingPoints.Await(InterleavingPoint.SweepersAwaited, () => IsDone);
        while (!IsDone)
        {
            Thread.Yield();
        }
    }

    /// <summary>Sweeps all that nobody has begun.</summary>
    public void SweepAll()
    {
        while (Sweep(SweepReason.Finish, SpansAtOnce, long.MaxValue, out _))
        {
        }
    }

    /// <summary>Waits until nobody sweeps, if somebody does: he may have had what the caller looked for in vain.</summary>
    /// <returns>Whether somebody did.</returns>
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

    private int SweepNext(ref SweepTally tally)
    {
        InterleavingPoints.At(InterleavingPoint.SweepBegun);
        uint generation = Generation;
        int kind;
        while ((kind = Volatile.Read(ref _nextKind)) < TracedKinds.Count)
        {
            TracedSpan* span = TakeUnswept(spans.SetOf((uint)kind), generation);
            if (span == null)
            {
                InterleavingPoints.At(InterleavingPoint.KindExhausted);
                Interlocked.CompareExchange(ref _nextKind, kind + 1, kind);
                continue;
            }

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
