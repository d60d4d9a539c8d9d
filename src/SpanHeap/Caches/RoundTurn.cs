namespace SpanHeap.Caches;

/// <summary>Whose turn it is: a timer's round, one at a time, or whoever looks at the heap as a whole and keeps rounds from beginning.</summary>
/// <remarks>
/// Thread safe, but not reentrant. No lock: a turn lasts as long as a round, and who waits for it gives way. What is done in a turn is seen
/// in the next one.
/// </remarks>
internal struct RoundTurn
{
    private const int Free = 0;
    private const int Taken = 1;
    private const int Ended = 2;

    // Written by compare-exchange alone, by anybody. Ended is for good.
    private int _state;

    /// <summary>Takes the turn if nobody has it, and it has not ended.</summary>
    public bool TryTake() => Interlocked.CompareExchange(ref _state, Taken, Free) == Free;

    /// <summary>Takes the turn, after whoever has it. When turns have ended there is nothing to take.</summary>
    public void Take() => MoveTo(Taken);

    /// <summary>Gives the turn back. When turns have ended, it does nothing.</summary>
    public void Return() => Interlocked.CompareExchange(ref _state, Free, Taken);

    /// <summary>Waits for whoever has the turn; nobody has one after that. Again, it does nothing.</summary>
    public void End() => MoveTo(Ended);

    private void MoveTo(int state)
    {
        while (Interlocked.CompareExchange(ref _state, state, Free) == Taken)
        {
            Thread.Yield();
        }
    }
}
