namespace SpanHeap.Guarding;

/// <summary>What a look at an address under the guard heap's lock has found: a copy, to be judged and thrown outside of it.</summary>
/// <param name="Address">The address looked at.</param>
/// <param name="Record">The block's record; all zero when no guarded block is there.</param>
/// <param name="Damage">The first byte beside the block that was written to; 0 for none.</param>
internal readonly record struct GuardFinding(nint Address, GuardRecord Record, nint Damage)
{
    /// <summary>Whether the address is a live block's whose surroundings are as they were.</summary>
    public bool IsSound => IsLive && Damage == 0;

    private bool IsLive => Record.State == GuardState.Live && Record.Address == Address;

    /// <summary>Looks at a span, which may be null. Under the lock: a live block's pages stay accessible for as long.</summary>
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

    /// <exception cref="HeapCorruptionException">It is not.</exception>
    public void ThrowUnlessSound()
    {
        ThrowUnlessLive();
        if (Damage != 0)
        {
            GuardError.Throw(Damage < Address ? MisuseKind.Underflow : MisuseKind.Overflow, this);
        }
    }

    /// <exception cref="HeapCorruptionException">The address is no live block's.</exception>
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
