using SpanHeap.Guard.Protection;
using SpanHeap.Guard.Records;
using SpanHeap.Os;

namespace SpanHeap.Guard.Quarantine;

/// <summary>Takes guards of live blocks as the library does, each method with one step done wrongly.</summary>
internal sealed unsafe partial class GuardEviction
{
    /// <summary>Takes the guard of the block that has had it longest without saying so: a thread that frees the block meanwhile takes it, too.</summary>
    internal bool MutantUnprotectInSecret()
    {
        records.Lock.Enter();
        GuardedSpan* span = records.LiveGuards.TakeOldest();
        ProtectionForm form = span != null ? span->GuardForm : ProtectionForm.None;
        records.Lock.Exit();
        return form == ProtectionForm.Mapping && MutantUnprotect(span, form);
    }

    /// <summary>Takes it and says so; but leaves a block that was freed meanwhile to the thread that freed it, which has left it to the caller.</summary>
    internal bool MutantUnprotectAndForget()
    {
        records.Lock.Enter();
        GuardedSpan* span = records.LiveGuards.TakeOldest();
        ProtectionForm form = span != null ? span->GuardForm : ProtectionForm.None;
        if (form == ProtectionForm.Mapping)
        {
            span->GuardForm = ProtectionForm.Unprotecting;
        }

        records.Lock.Exit();
        return form == ProtectionForm.Mapping && MutantUnprotect(span, form);
    }

    private bool MutantUnprotect(GuardedSpan* span, ProtectionForm form)
    {
        InterleavingPoints.At(InterleavingPoint.LiveGuardUnprotecting);
        bool unprotected = protection.TryUnprotectGuard(span, form);
        InterleavingPoints.At(InterleavingPoint.LiveGuardUnprotected);
        records.Lock.Enter();
        span->GuardForm = unprotected ? ProtectionForm.None : form;
        records.Lock.Exit();
        return unprotected;
    }
}
