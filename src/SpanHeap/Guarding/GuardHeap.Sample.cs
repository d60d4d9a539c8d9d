using SpanHeap.Pages;

namespace SpanHeap.Guarding;

/// <summary>What a sample takes has bounds; where all blocks are guarded only what is freed has some.</summary>
internal sealed unsafe partial class GuardHeap
{
    /// <summary>
    /// Whether a sample has room for a traced block, which has it from then on: until <see cref="Quarantine"/> takes its pages, or
    /// <see cref="Dismiss"/>.
    /// </summary>
    public bool TryAdmit() => TryTakeRoom(SampleBudget.TracedCost);

    /// <summary>Where all blocks are guarded: whether a traced block of so many pages can be. One that cannot is as without guards.</summary>
    public bool TryAdmitOfAll(int pageCount)
    {
        while (!arenas.HasRoomForGuarded(pageCount))
        {
            if (!CanMakeWay(pageCount) || !TryRetireOldest())
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>The pages of a traced block that was admitted could not be had.</summary>
    public void Dismiss()
    {
        _sample!.Give(SampleBudget.TracedCost);
        Interlocked.Increment(ref _skipped);
    }

    // Of what is taken freed blocks have less.
    private bool TryTakeRoom(int cost)
    {
        if (_sample == null)
        {
            return true;
        }

        if (!_sample.TryTake(cost))
        {
            Interlocked.Increment(ref _skipped);
            return false;
        }

        while (IsOverBudget && TryRetireOldest())
        {
        }

        return true;
    }

    private static int CostOf(GuardedSpan* span) => SampleBudget.CostOf(span->Span.Pages, span->Record.ByteCount);

    /// <summary>
    /// Takes the guard of the block that has lived longest with one: it splits a mapping, of which the process has so many, and a block that is
    /// new is likelier to be written past its end. The block is still known by its record.
    /// </summary>
    /// <remarks>
    /// The block may be freed meanwhile, by the program: then whoever frees it leaves the rest to the caller of this, who alone has the span.
    /// </remarks>
    private bool TryWithdrawGuard()
    {
        _lock.Enter();
        GuardedSpan* span = _liveGuards.TakeOldest();
        ProtectionForm form = span != null ? span->GuardForm : ProtectionForm.None;
        if (form == ProtectionForm.Mapping)
        {
            span->GuardForm = ProtectionForm.Withdrawing;
        }

        _lock.Exit();
        if (form != ProtectionForm.Mapping)
        {
            return false;
        }

        bool withdrawn = _protection.TryUnprotect(span->GuardStart, span->GuardBytes, form, ranges: 1);
        _lock.Enter();
        span->GuardForm = withdrawn ? ProtectionForm.None : form;
        bool freed = span->Record.State == GuardState.Freed;
        _lock.Exit();
        if (freed)
        {
            Withdraw(span);
        }

        return withdrawn;
    }

    private bool IsWithinBudget(long pageCount) => (nuint)pageCount << PageGeometry.PageShift <= BudgetBytes;
}
