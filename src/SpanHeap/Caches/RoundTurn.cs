namespace SpanHeap.Caches;

/// <summary>Whose turn it is: a maintenance round's, or whoever looks at the heap as a whole and keeps rounds from beginning.</summary>
/// <remarks>
/// Thread safe, but not reentrant. No lock: a turn may last as long as a step of a round, and whoever waits for it gives way. What is done
/// in a turn is seen in the next one.
/// </remarks>
internal struct RoundTurn
{
    private const int Free = 0;
    private const int Taken = 1;
    private const int Ended = 2;

    // Written by compare-exchange alone, by anybody. Ended is for good.
    private int _state;

    // How many wait for the turn, to whom a round gives way. Interlocked, by anybody.
    private int _waiting;

    /// <summary>Whether turns have ended.</summary>
    public readonly bool HasEnded => Volatile.Read(in _state) == Ended;

    /// <summary>Takes the turn if nobody has it, and it has not ended.</summary>
    public bool TryTake() => Interlocked.CompareExchange(ref _state, Taken, Free) == Free;

    /// <summary>Takes the turn, after whoever has it. When turns have ended there is nothing to take.</summary>
    public void Take() => MoveTo(Taken);

    /// <summary>Lets all who wait have the turn, and takes it again after them. For the holder, between two steps.</summary>
    /// <returns>False when turns have ended: the caller has none then.</returns>
    public bool GiveWay()
    {
        if (Volatile.Read(ref _waiting) == 0)
        {
            return true;
        }

        Return();
        while (Volatile.Read(ref _waiting) != 0 || !TryTake())
        {
            if (HasEnded)
            {
                return false;
            }

            Thread.Yield();
        }

        return true;
    }

    /// <summary>Gives the turn back. When turns have ended, it does nothing.</summary>
    public void Return() => Interlocked.CompareExchange(ref _state, Free, Taken);

    /// <summary>Waits for whoever has the turn; nobody has one after that. Again, it does nothing.</summary>
    public void End() => MoveTo(Ended);

    private void MoveTo(int state)
    {
        Interlocked.Increment(ref _waiting);
        while (Interlocked.CompareExchange(ref _state, state, Free) == Taken)
        {
            Thread.Yield();
        }

        Interlocked.Decrement(ref _waiting);
    }
}
