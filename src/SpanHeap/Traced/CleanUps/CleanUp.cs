namespace SpanHeap.Traced.CleanUps;

/// <summary>An action to run once when a block has died. It waits in the table, then in the queue.</summary>
/// <remarks>
/// Thread safe. Of several attempts to run, cancel or drop it, one wins by compare-exchange; the others do nothing. The winner releases the action
/// and its state, though the table may hold the object for some time.
/// </remarks>
internal abstract class CleanUp
{
    private const int Waiting = 0;
    private const int Taken = 1;

    private int _state;

    /// <summary>Counts what happens to it.</summary>
    public required CleanUpCounts Counts { get; init; }

    /// <summary>
    /// The next one in the queue. Set by the collector when it takes this out of the table; after that, guarded by the queue's lock.
    /// </summary>
    public CleanUp? Next { get; set; }

    /// <summary>Whether it has been neither run, cancelled nor dropped.</summary>
    public bool IsWaiting => Volatile.Read(ref _state) == Waiting;

    /// <summary>Takes it for the caller to run, unless it has been taken.</summary>
    public bool TryTake() => Interlocked.CompareExchange(ref _state, Taken, Waiting) == Waiting;

    /// <summary>Cancels it, unless it has run or is running.</summary>
    public bool TryCancel()
    {
        if (!TryTake())
        {
            return false;
        }

        Forget();
        Counts.NoteCancelled();
        return true;
    }

    /// <summary>Runs the action. Called by the thread that has taken it.</summary>
    public abstract void Run();

    /// <summary>Releases the action and its state. Called by the thread that has taken it.</summary>
    public abstract void Forget();
}

/// <summary>A method of the program and its argument.</summary>
internal sealed class CleanUp<TState>(Action<TState> action, TState state) : CleanUp
{
    private Action<TState>? _action = action;
    private TState? _state = state;

    public override void Run()
    {
        Action<TState> action = _action!;
        TState state = _state!;
        Forget();
        action(state);
    }

    public override void Forget()
    {
        _action = null;
        _state = default;
    }
}
