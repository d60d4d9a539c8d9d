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

        bool live = span->Record.State == GuardState.Live && span->Record.Address == address;
        return new GuardFinding(address, span->Record, live ? GuardSlack.Of(span).FindDamage(address) : 0);
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
                : Record.Address != Address ? MisuseKind.InteriorPointer
                : Record.State == GuardState.Swept ? MisuseKind.TracedBlock
                : MisuseKind.DoubleFree,
                this);
        }
    }
}
