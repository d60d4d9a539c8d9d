using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Guarding;

/// <summary>From a free to pages that are anybody's: quarantine, and what Go's note called deleting the span.</summary>
internal sealed unsafe partial class GuardHeap
{
    /// <summary>
    /// For a heap that cannot get so many bytes from the system: gives the addresses of freed blocks back, unless they are too few to help.
    /// A request that no heap could serve takes nothing out of quarantine.
    /// </summary>
    public void RetireFor(nuint byteCount)
    {
        long needed = (long)PageGeometry.PagesFor(byteCount);
        while (_hugeQuarantine.Pages >= needed && TryRetireOldestHuge())
        {
        }

        while (_quarantine.Pages >= needed && TryRetireOldest())
        {
        }
    }

    /// <summary>Takes the pages of a traced span in which nothing lives: an access to them faults. Nobody else has them, and no entry names them.</summary>
    public void Quarantine(nint address, int pageCount)
    {
        GuardedSpan* span = (GuardedSpan*)ArenaHeader.SpanAt(address);
        *span = default;
        span->Span.Base = address;
        span->Span.Pages = pageCount;
        span->Span.Slots = 1;
        span->Span.SlotSize = (nuint)pageCount << PageGeometry.PageShift;
        span->Record.Address = address;
        span->Record.ByteCount = span->Bytes;
        span->Record.SpanBase = address;
        span->Record.State = GuardState.Swept;
        span->Record.FreeThread = Environment.CurrentManagedThreadId;
        Stamp(ref span->Record);
        _sample?.Give(SampleBudget.TracedCost);
        _lock.Enter();
        Link(span);
        _lock.Exit();
        file?.Note(span->Record);
        Withdraw(span);
    }

    // The block is freed and the caller alone has the span. Faulting first, then in quarantine: who deletes a span finds it protected.
    private void Withdraw(GuardedSpan* span)
    {
        // Protecting what goes at once again would cost much and catch nothing: its addresses are the system's, and fault as well.
        bool fits = !span->IsHuge || IsWithinBudget(GuardedSpan.AddressPages(span));
        bool exposed = fits && span->DataBytes > 0 && !TryCover(span);
        if (exposed)
        {
            NoteUnguarded(ProtectionRefused);
        }

        if (!fits || (exposed && span->IsHuge))
        {
            DeleteAtOnce(span);
            return;
        }

        if (exposed)
        {
            // Who writes to it is found when it leaves.
            Poison(span);
        }

        _lock.Enter();
        QuarantineOf(span).Add(span);
        _lock.Exit();
        while (IsOverBudget && TryRetireOldest())
        {
        }

        // One of a sample that takes more alone stays until the next comes.
        while (_hugeQuarantine.Spans > 1 && !IsWithinBudget(_hugeQuarantine.Pages) && TryRetireOldestHuge())
        {
        }
    }

    private bool TryCover(GuardedSpan* span)
    {
        span->DataForm = _protection.Protect(span->DataStart, span->DataBytes);
        return span->DataForm != ProtectionForm.None;
    }

    private void DeleteAtOnce(GuardedSpan* span)
    {
        _lock.Enter();
        Unlink(span);
        _retired++;
        _lock.Exit();
        TryDelete(span);
    }

    // A few huge blocks would turn all others out, and so would large ones in a sample.
    private ref GuardQuarantine QuarantineOf(GuardedSpan* span)
    {
        if (span->IsHuge || (_sample != null && _sample.IsLarge(span->Span.Pages)))
        {
            return ref _hugeQuarantine;
        }

        return ref _quarantine;
    }

    private bool IsOverBudget => (_sample != null ? _quarantine.Pages > _sample.QuarantinePages : !IsWithinBudget(_quarantine.Pages)) || _protection.IsTooMuch(_quarantine.Spans + _hugeQuarantine.Spans);

    // Deletes the span that has been in quarantine longest; false when there is none, or the system does not let its pages go.
    private bool TryRetireOldest() => TryRetireOldest(ref _quarantine);

    private bool TryRetireOldestHuge() => TryRetireOldest(ref _hugeQuarantine);

    private bool TryRetireOldest(ref GuardQuarantine quarantine)
    {
        _lock.Enter();
        GuardedSpan* span = quarantine.Take();
        if (span != null)
        {
            Unlink(span);
            _retired++;
        }

        _lock.Exit();
        return span != null && TryDelete(span);
    }

    // Nobody finds the span any more, but its pages still are: the page heap must not have them before they are accessible.
    private bool TryDelete(GuardedSpan* span)
    {
        CheckPoison(span);
        if (!TryUncover(span))
        {
            PutBack(span);
            return false;
        }

        GiveBack(span);
        return true;
    }

    private bool TryUncover(GuardedSpan* span)
    {
        if (span->GuardForm == span->DataForm)
        {
            return _protection.TryUnprotect(span->Span.Base, span->Bytes, span->GuardForm, ranges: 2);
        }

        if (!_protection.TryUnprotect(span->DataStart, span->DataBytes, span->DataForm, ranges: 1))
        {
            return false;
        }

        span->DataForm = ProtectionForm.None;
        return span->GuardBytes == 0 || _protection.TryUnprotect(span->GuardStart, span->GuardBytes, span->GuardForm, ranges: 1);
    }

    private void PutBack(GuardedSpan* span)
    {
        Interlocked.Increment(ref _degraded);
        if (IsPoisoned(span))
        {
            Poison(span);
        }

        _lock.Enter();
        Link(span);
        _retired--;
        QuarantineOf(span).Add(span);
        _lock.Exit();
    }

    // A freed block whose pages the system did not protect. A huge one is not: all of it would become resident.
    private static bool IsPoisoned(GuardedSpan* span) => span->DataForm == ProtectionForm.None && span->DataBytes > 0 && !span->IsHuge;

    private static void Poison(GuardedSpan* span) => SlackPattern.Fill(span->DataStart, span->DataStart + (nint)span->DataBytes);

    private void CheckPoison(GuardedSpan* span)
    {
        if (IsPoisoned(span)
            && SlackPattern.FindDamage(span->DataStart, span->DataStart + (nint)span->DataBytes) != 0)
        {
            late(span->Record.Address, MisuseKind.WriteAfterFree);
        }
    }
}
