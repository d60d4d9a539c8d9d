using SpanHeap.Guard.Records;
using SpanHeap.Os;

namespace SpanHeap.Guard.Protection;

/// <summary>
/// Protects the guard of a guarded span, and its data once the block is freed, and makes them accessible again. Data that the system does not
/// protect are filled with a pattern instead, which shows a write when the span leaves quarantine.
/// </summary>
/// <remarks>
/// Makes system calls, so it is called without a lock. A thread may only pass a span that it alone can change: one that is not published yet,
/// one that it has freed, or one that it has taken out of quarantine.
/// </remarks>
/// <param name="os">Serves the one call that undoes every protection.</param>
/// <param name="pages">Protects pages.</param>
/// <param name="late">Called with the address of a block that was written to after its free.</param>
internal sealed unsafe class SpanProtection(OsMemory os, PageProtection pages, Action<nint, MisuseKind> late)
{
    /// <inheritdoc cref="PageProtection.UsesMarkers"/>
    public bool UsesMarkers => pages.UsesMarkers;

    /// <inheritdoc cref="PageProtection.Mappings"/>
    public long Mappings => pages.Mappings;

    /// <inheritdoc cref="PageProtection.IsTooMuch"/>
    public bool IsTooMuch(long freedBlocks) => pages.IsTooMuch(freedBlocks);

    /// <summary>Protects a span's guard; false when the system refuses.</summary>
    public bool TryProtectGuard(GuardedSpan* span)
    {
        span->GuardForm = pages.Protect(span->GuardStart, span->GuardBytes);
        return span->GuardForm != ProtectionForm.None;
    }

    /// <summary>Makes a live block's guard accessible.</summary>
    /// <param name="span">The block's span.</param>
    /// <param name="form">The form that its guard had; the span may say that it is being unprotected.</param>
    /// <returns>False when the system refuses; the guard still faults.</returns>
    public bool TryUnprotectGuard(GuardedSpan* span, ProtectionForm form) => pages.TryUnprotect(span->GuardStart, span->GuardBytes, form, ranges: 1);

    /// <summary>Protects the data of a freed block; false when the system refuses.</summary>
    public bool TryProtectData(GuardedSpan* span)
    {
        span->DataForm = pages.Protect(span->DataStart, span->DataBytes);
        return span->DataForm != ProtectionForm.None;
    }

    /// <summary>Makes all pages of a freed block's span accessible.</summary>
    /// <returns>False when the system refuses; the pages, or the guard alone, still fault.</returns>
    public bool TryUnprotect(GuardedSpan* span)
    {
        if (span->GuardForm == span->DataForm)
        {
            return pages.TryUnprotect(span->Span.Base, span->Bytes, span->GuardForm, ranges: 2);
        }

        if (!pages.TryUnprotect(span->DataStart, span->DataBytes, span->DataForm, ranges: 1))
        {
            return false;
        }

        span->DataForm = ProtectionForm.None;
        return span->GuardBytes == 0 || TryUnprotectGuard(span, span->GuardForm);
    }

    /// <summary>Fills the data of a freed block that the system did not protect.</summary>
    public static void Poison(GuardedSpan* span) => SlackPattern.Fill(span->DataStart, span->DataStart + (nint)span->DataBytes);

    /// <summary>Fills the data of a freed block again, if it was filled instead of protected.</summary>
    public static void RestorePoison(GuardedSpan* span)
    {
        if (IsPoisoned(span))
        {
            Poison(span);
        }
    }

    /// <summary>Reports a freed block that was filled, and written to since.</summary>
    public void CheckPoison(GuardedSpan* span)
    {
        if (IsPoisoned(span)
            && SlackPattern.FindDamage(span->DataStart, span->DataStart + (nint)span->DataBytes) != 0)
        {
            late(span->Record.Address, MisuseKind.WriteAfterFree);
        }
    }

    /// <summary>Makes a range accessible, whatever in it is protected. No thread uses the heap any more.</summary>
    public void UnprotectAll(nint start, nuint bytes)
    {
        if (UsesMarkers)
        {
            os.RemoveGuard(start, bytes);
        }

        if (Mappings > 0)
        {
            os.Unfault(start, bytes);
        }
    }

    /// <inheritdoc cref="PageProtection.Close"/>
    public void Close() => pages.Close();

    // A freed block whose pages the system did not protect. A huge one is never filled: all of it would become resident.
    private static bool IsPoisoned(GuardedSpan* span) => span->DataForm == ProtectionForm.None && span->DataBytes > 0 && !span->IsHuge;
}
