using SpanHeap.Guard.Protection;

namespace SpanHeap.Guard.Records;

/// <summary>The result of a look at an address under the lock of <see cref="GuardRecords"/>: a copy, from which an exception is made outside of the lock.</summary>
/// <param name="Address">The address that was looked at.</param>
/// <param name="Record">The block's record; all zero when no guarded block is there.</param>
/// <param name="Damage">The first byte beside the block that was written to; 0 for none.</param>
internal readonly record struct GuardFinding(nint Address, GuardRecord Record, nint Damage)
{
    /// <summary>Whether the address is a live block's, beside which nothing was written to.</summary>
    public bool IsSound => IsLive && Damage == 0;

    private bool IsLive => Record.State == GuardState.Live && Record.Address == Address;

    /// <summary>Looks at a span, which may be null. Under the lock, for as long as which the pages of a live block stay accessible.</summary>
    public static unsafe GuardFinding Of(GuardedSpan* span, nint address)
    {
        if (span == null)
        {
            return new GuardFinding(address, default, 0);
        }

        GuardRecord record = span->Record;
        if (span->IsMoving)
        {
            record.State = GuardState.Freed;
        }

        bool live = record.State == GuardState.Live && record.Address == address;
        return new GuardFinding(address, record, live ? GuardSlack.Of(span).FindDamage(address) : 0);
    }

    /// <summary>Throws unless <see cref="IsSound"/> is true.</summary>
    /// <exception cref="HeapCorruptionException">The address is not a live block, or bytes beside the block were written to.</exception>
    public void ThrowUnlessSound()
    {
        ThrowUnlessLive();
        if (Damage != 0)
        {
            GuardError.Throw(Damage < Address ? MisuseKind.Underflow : MisuseKind.Overflow, this);
        }
    }

    /// <summary>Throws unless the address is a live block's.</summary>
    /// <exception cref="HeapCorruptionException">The address is not a live block.</exception>
    public void ThrowUnlessLive()
    {
        if (!IsLive)
        {
            GuardError.Throw(
                Record.State == GuardState.None ? MisuseKind.FreePage
                : Record.State == GuardState.Swept ? MisuseKind.TracedBlock
                : Record.Address != Address ? MisuseKind.InteriorPointer
                : MisuseKind.DoubleFree,
                this);
        }
    }
}
