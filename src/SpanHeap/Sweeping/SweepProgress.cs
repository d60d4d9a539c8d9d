namespace SpanHeap.Sweeping;

/// <summary>
/// Whether a cycle's sweeping is done, in one word: how many are sweeping, and a bit that says that nothing is left to begin. Done is
/// the bit without anybody: once true it stays so until the next cycle, and nobody can be counted in between two reads.
/// </summary>
internal sealed class SweepProgress
{
    private const uint Drained = 1u << 31;

    // Changed by compare-exchange by who begins or ends; reset by the collector while nobody sweeps.
    private uint _state = Drained;

    /// <summary>Whether every span is swept.</summary>
    public bool IsDone => Volatile.Read(ref _state) == Drained;

    /// <summary>Whether nothing is left to begin.</summary>
    public bool IsDrained => (Volatile.Read(ref _state) & Drained) != 0;

    /// <summary>How many are sweeping.</summary>
    public int Active => (int)(Volatile.Read(ref _state) & ~Drained);

    /// <summary>Counts the caller among those who sweep; false when nothing is left.</summary>
    public bool TryBegin()
    {
        while (true)
        {
            uint state = Volatile.Read(ref _state);
            if ((state & Drained) != 0)
            {
                return false;
            }

            if (Interlocked.CompareExchange(ref _state, state + 1, state) == state)
            {
                return true;
            }
        }
    }

    /// <summary>After what <see cref="TryBegin"/> allowed: all that the caller swept is published.</summary>
    public void End() => Interlocked.Decrement(ref _state);

    /// <summary>No set has an unswept span any more. By one who has begun, so that it is not done before he ends.</summary>
    public void MarkDrained() => Interlocked.Or(ref _state, Drained);

    /// <summary>
    /// A cycle begins: all is unswept. Only while it is done. Caches that still have spans of the cycle before count as sweeping, until
    /// each has given them back: so that it is not done as long as one has not.
    /// </summary>
    public void Reset(int staleCaches) => Volatile.Write(ref _state, (uint)staleCaches);
}
