namespace SpanHeap.Sweeping;

/// <summary>
/// Whether a cycle's sweeping is done, in one word: how many are sweeping, how many caches still have spans of the cycle before, and a
/// bit that says that nothing is left to begin. Done is the bit without anybody: once true it stays so until the next cycle, and nobody
/// can be counted in between two reads.
/// </summary>
internal sealed class SweepProgress
{
    private const ulong Drained = 1UL << 63;
    private const ulong OneStaleCache = 1UL << 32;
    private const ulong SweeperMask = OneStaleCache - 1;

    // Changed by interlocked steps by who begins or ends; reset by the collector while nobody sweeps.
    private ulong _state = Drained;

    /// <summary>Whether every span is swept.</summary>
    public bool IsDone => Volatile.Read(ref _state) == Drained;

    /// <summary>Whether nothing is left to begin.</summary>
    public bool IsDrained => (Volatile.Read(ref _state) & Drained) != 0;

    /// <summary>How many are sweeping.</summary>
    public int Sweepers => (int)(Volatile.Read(ref _state) & SweeperMask);

    /// <summary>How many caches have not given back what they had when the cycle began.</summary>
    public int StaleCaches => (int)((Volatile.Read(ref _state) & ~Drained) / OneStaleCache);

    /// <summary>Counts the caller among those who sweep; false when nothing is left.</summary>
    public bool TryBegin()
    {
        while (true)
        {
            ulong state = Volatile.Read(ref _state);
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

    /// <summary>A stale cache has given back all that it had.</summary>
    public void EndStaleCache() => Interlocked.Add(ref _state, unchecked(0 - OneStaleCache));

    /// <summary>No set has an unswept span any more. By one who has begun, so that it is not done before he ends.</summary>
    public void MarkDrained() => Interlocked.Or(ref _state, Drained);

    /// <summary>
    /// A cycle begins: all is unswept. Only while it is done. It is not done again as long as one of the caches that still have spans of
    /// the cycle before has not given them back.
    /// </summary>
    public void Reset(int staleCaches) => Volatile.Write(ref _state, (ulong)staleCaches * OneStaleCache);
}
