using SpanHeap.Guard.Protection;
using SpanHeap.Guard.Records;
using SpanHeap.Os;

namespace SpanHeap.Guard.Quarantine;

/// <summary>
/// Takes the guard of a live block of a sample for a new one, where guards split mappings and the process has no more of them. The block
/// that has had its guard longest loses it, because a new block is likelier to be written past its end. It is still known by its record.
/// </summary>
/// <remarks>
/// Thread safe, and called without a lock. The program may free the block meanwhile: the thread that frees it then leaves its span to the one
/// that is here, which puts it in quarantine.
/// </remarks>
internal sealed unsafe partial class GuardEviction(GuardRecords records, SpanProtection protection, GuardQuarantine quarantine)
{
    /// <summary>Unprotects the oldest guard; false when no live block has one that splits a mapping, or the system refuses.</summary>
    public bool TryUnprotectOldest()
    {
        records.Lock.Enter();
        GuardedSpan* span = records.LiveGuards.TakeOldest();
        ProtectionForm form = span != null ? span->GuardForm : ProtectionForm.None;
        if (form == ProtectionForm.Mapping)
        {
            span->GuardForm = ProtectionForm.Unprotecting;
        }

        records.Lock.Exit();
        if (form != ProtectionForm.Mapping)
        {
            return false;
        }

        InterleavingPoints.At(InterleavingPoint.LiveGuardUnprotecting);
        bool unprotected = protection.TryUnprotectGuard(span, form);
        InterleavingPoints.At(InterleavingPoint.LiveGuardUnprotected);
        records.Lock.Enter();
        span->GuardForm = unprotected ? ProtectionForm.None : form;
        bool freed = span->Record.State == GuardState.Freed;
        records.Lock.Exit();
        if (freed)
        {
            quarantine.Add(span);
        }

        return unprotected;
    }
}
