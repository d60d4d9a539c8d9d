namespace SpanHeap.Traced.Sweeping;

/// <summary>
/// Whether a cycle's sweeping is done, in one word: the number of sweepers, the number of caches that still have spans of the previous cycle, and a
/// bit that says that nothing is left to begin. Sweeping is done when the bit is set and both numbers are 0. It then stays done until the next
/// cycle, and no sweeper can slip in between two reads.
/// </summary>
internal sealed class SweepProgress
{
    private const ulong Drained = 1UL << 63;
    private const ulong OneStaleCache = 1UL << 32;
    private const ulong SweeperMask = OneStaleCache - 1;

    // Changed by interlocked operations when a sweeper begins or ends; reset by the collector while no thread sweeps.
    private ulong _state = Drained;

    /// <summary>Whether every span is swept.</summary>
    public bool IsDone => Volatile.Read(ref _state) == Drained;

    /// <summary>Whether nothing is left to begin.</summary>
    public bool IsDrained => (Volatile.Read(ref _state) & Drained) != 0;

    /// <summary>The number of sweepers.</summary>
    public int Sweepers => (int)(Volatile.Read(ref _state) & SweeperMask);

    /// <summary>The number of caches that have not given back what they had when the cycle began.</summary>
    public int StaleCaches => (int)((Volatile.Read(ref _state) & ~Drained) / OneStaleCache);

    /// <summary>Counts the caller as a sweeper; false if nothing is left.</summary>
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

    /// <summary>Ends what <see cref="TryBegin"/> began: all that the caller swept is published.</summary>
    public void End() => Interlocked.Decrement(ref _state);

    /// <summary>Notes that a stale cache has given back all that it had.</summary>
    public void EndStaleCache() => Interlocked.Add(ref _state, unchecked(0 - OneStaleCache));

    /// <summary>Notes that no set has an unswept span any more. Called by a sweeper, so that sweeping is not done before it ends.</summary>
    public void MarkDrained() => Interlocked.Or(ref _state, Drained);

    /// <summary>
    /// Begins a cycle, in which everything is unswept. Called only while sweeping is done. It is not done again until all caches that still have
    /// spans of the previous cycle have given them back.
    /// </summary>
    public void Reset(int staleCaches) => Volatile.Write(ref _state, (ulong)staleCaches * OneStaleCache);
}
