using SpanHeap.Os;
using SpanHeap.Threads;

namespace SpanHeap.Tests.Interleaving.Scheduling;

/// <summary>A thread that runs only while it has the turn.</summary>
internal sealed unsafe class ScheduledThread
{
    private readonly Thread _thread;

    // Given by the thread that has the turn, or to all when a schedule is given up.
    private readonly Turn _turn = new();
    private ThreadIdentity _identity;
    private bool _hasRecord;

    // What it does: threads that do the same are alike until they begin.
    private readonly Action _body;

    public ScheduledThread(int number, string name, Action body, Action<ScheduledThread> run)
    {
        Number = number;
        Name = name;
        _body = body;
        _thread = new Thread(() => run(this)) { IsBackground = true, Name = name };
        _thread.Start();
    }

    public int Number { get; }

    public string Name { get; }

    /// <summary>Whether it has had the turn.</summary>
    public bool HasBegun { get; private set; }

    /// <summary>Where it is; null before its first point.</summary>
    public InterleavingPoint? Point { get; set; }

    /// <summary>What it waits for; null when it can go on.</summary>
    public Func<bool>? Condition { get; set; }

    /// <summary>How much had been done when it last looked for what another must do; a thread that does not wait so has 0.</summary>
    public int LookedAt { get; set; }

    /// <summary>Whether it is in a wait of the program's, or of .NET's: it goes on when it gets the turn, and is awake then.</summary>
    public bool IsAsleep { get; set; }

    /// <summary>Whether it has come to its end.</summary>
    public bool HasEnded { get; set; }

    /// <summary>Whether it could go on.</summary>
    public bool IsReady => !HasEnded && (Condition == null || Condition());

    public bool Is(Thread thread) => thread == _thread;

    /// <summary>Whether it makes no difference which of the two begins.</summary>
    public bool IsAlike(ScheduledThread other) => !HasBegun && !other.HasBegun && _body.Equals(other._body);

    public void GiveTurn()
    {
        HasBegun = true;
        _turn.Give();
    }

    public void AwaitTurn() => _turn.Await();

    /// <summary>The last thing it does.</summary>
    public void End()
    {
        _hasRecord = ThreadRecord.Current != ThreadRecord.None;
        _identity = _hasRecord ? ThreadIdentity.OfCurrent() : ThreadIdentity.None;
        HasEnded = true;
    }

    /// <summary>Waits until others find it dead, so that no schedule depends on how long that takes.</summary>
    /// <returns>False when it does not die.</returns>
    public bool AwaitDeath(TimeSpan bound) => _thread.Join(bound) && (!_hasRecord || SpinWait.SpinUntil(() => _identity.IsDead, bound));

    public override string ToString() =>
        $"{Number} ({Name}) {(HasEnded ? "has ended" : Point == null ? "has not begun" : Condition == null ? $"is at {Point}" : $"waits at {Point}")}";
}
