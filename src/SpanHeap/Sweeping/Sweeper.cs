using SpanHeap.Layouts;
using SpanHeap.Spans;

namespace SpanHeap.Sweeping;

/// <summary>
/// Finds spans that are not swept, for whoever sweeps: threads that need slots or pages, the background sweeper, and who ends a cycle.
/// </summary>
/// <remarks>Thread safe. The generation changes only while no thread is in a scope and nobody sweeps.</remarks>
internal sealed unsafe class Sweeper(TracedSpanSource spans, SpanSweeper spanSweeper)
{
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
    /// <returns>The pages given back; -1 when there was nothing left to sweep.</returns>
    public int SweepOne(SweepReason reason)
    {
        if (!_progress.TryBegin())
        {
            return -1;
        }

        try
        {
            return SweepNext(reason);
        }
        finally
        {
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

        try
        {
            return SweepNextForSlots(set, budget);
        }
        finally
        {
            _progress.End();
        }
    }

    /// <summary>Sweeps until so many pages have come back, or so many spans are swept, or nothing is left to begin.</summary>
    /// <returns>The pages that came back.</returns>
    public long Reclaim(long pages, long spanBudget)
    {
        long reclaimed = 0;
        int freed;
        while (reclaimed < pages && spanBudget-- > 0 && (freed = SweepOne(SweepReason.Allocation)) >= 0)
        {
            reclaimed += freed;
        }

        return reclaimed;
    }

    /// <summary>Sweeps all that is left, and waits for those who are still sweeping.</summary>
    public void Finish()
    {
        while (SweepOne(SweepReason.Finish) >= 0)
        {
        }

        InterleavingPoints.Await(InterleavingPoint.SweepersAwaited, () => IsDone);
        while (!IsDone)
        {
            Thread.Yield();
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

    private int SweepNext(SweepReason reason)
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
                return spanSweeper.Sweep(token, reason);
            }
        }

        InterleavingPoints.At(InterleavingPoint.SweepFoundNothing);
        _progress.MarkDrained();
        return -1;
    }

    private TracedSpan* SweepNextForSlots(TracedSpanSet* set, int budget)
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
                spanSweeper.SweepAndKeep(token, SweepReason.Refill);
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
