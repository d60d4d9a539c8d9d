namespace SpanHeap.Tracing;

/// <summary>What is to be done once when a block has died: waits in the table, then in the queue.</summary>
/// <remarks>
/// Thread safe. Of those who would run it, cancel it or drop it one wins, by compare-exchange; the others do nothing. What it was given
/// is let go then, though the table may have it for some time still.
/// </remarks>
internal abstract class CleanUp
{
    private const int Waiting = 0;
    private const int Taken = 1;

    private int _state;

    /// <summary>Who counts what happens to it.</summary>
    public required CleanUpCounts Counts { get; init; }

    /// <summary>The one behind it in the queue. The collector's when it takes it out of the table, then by the queue's lock.</summary>
    public CleanUp? Next { get; set; }

    /// <summary>Whether nobody has won it.</summary>
    public bool IsWaiting => Volatile.Read(ref _state) == Waiting;

    /// <summary>Makes it the caller's to run, if it is nobody's.</summary>
    public bool TryTake() => Interlocked.CompareExchange(ref _state, Taken, Waiting) == Waiting;

    /// <summary>Makes sure that it is not run, unless it has been, or is being.</summary>
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

    /// <summary>Does it. By who has taken it.</summary>
    public abstract void Run();

    /// <summary>Lets go what it was given. By who has taken it.</summary>
    public abstract void Forget();
}

/// <summary>A method of the program's and what it is called with.</summary>
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
