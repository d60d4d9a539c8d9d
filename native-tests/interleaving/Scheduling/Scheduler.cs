using SpanHeap.Sweeping;

namespace SpanHeap.Tests.Interleaving.Scheduling;

/// <summary>
/// Runs the threads of a scenario one at a time: at each named point the order decides who goes on. The same decisions make the same
/// schedule, for nothing else tells the threads apart.
/// </summary>
/// <remarks>
/// Whoever has the turn may touch everything here; it goes over as a <see cref="Turn"/>. The test's own thread has it first, between the
/// end of one thread and the next, and last.
/// </remarks>
internal sealed class Scheduler : IInterleaver
{
    private const int NobodyYet = -1;

    // A schedule that has not ended after so many is taken for an endless one.
    private const int MostSteps = 20_000;

    private static readonly TimeSpan s_hang = TimeSpan.FromSeconds(30);

    private readonly Scenario _scenario;
    private readonly Order _order;
    private readonly List<ScheduledThread> _threads = [];
    private readonly List<(int Thread, InterleavingPoint Point)> _steps = [];
    private readonly List<int> _decisions = [];
    private readonly List<int> _ready = [];

    // Given by a thread that ends, or gives up.
    private readonly Turn _ended = new();
    private bool _looking;

    // Points passed but for those of threads that only looked once more.
    private int _progress = 1;
    private Exception? _failure;

    // Where the threads were then.
    private string _places = string.Empty;

    // Set once, by who finds the failure; read by all, without a turn from then on.
    private volatile bool _givenUp;

    private Scheduler(Scenario scenario, Order order)
    {
        _scenario = scenario;
        _order = order;
    }

    public bool IsPatient => _scenario.IsPatient;

    /// <summary>Runs a scenario in an order.</summary>
    /// <returns>The decisions and the points that were passed.</returns>
    /// <exception cref="ScheduleFailedException">Something went wrong.</exception>
    public static Schedule Run(Scenario scenario, Order order)
    {
        Scheduler scheduler = new(scenario, order);
        scheduler.RunAll();
        return new Schedule(Decisions.Write(scheduler._decisions), scheduler._steps);
    }

    void IInterleaver.At(InterleavingPoint point) => Pass(point, condition: null, spins: false);

    void IInterleaver.Await(InterleavingPoint point, Func<bool> condition) => Pass(point, condition, spins: false);

    void IInterleaver.Spin(InterleavingPoint point) => Pass(point, condition: null, spins: true);

    void IInterleaver.Fork(string name, Action work) => Add(name, work);

    private ScheduledThread Current { get; set; } = null!;

    private void Add(string name, Action body) => _threads.Add(new ScheduledThread(_threads.Count, name, thread => RunThread(thread, body)));

    private void RunAll()
    {
        foreach ((string name, Action body) in _scenario.Threads)
        {
            Add(name, body);
        }

        int current = NobodyYet;
        while (!_givenUp && _threads.Exists(static thread => !thread.HasEnded))
        {
            if (Choose(current, null, spins: false) is not { } next)
            {
                break;
            }

            Hand(next);
            if (!_ended.TryAwait(s_hang))
            {
                Fail(new TimeoutException($"No thread has come to its end for {s_hang.TotalSeconds} s; {Current} has the turn."));
                break;
            }

            current = Current.Number;
            AwaitDeaths();
        }

        if (!_givenUp)
        {
            Guard(_scenario.AtEnd);
        }

        if (_failure != null)
        {
            throw Failed();
        }
    }

    private void AwaitDeaths()
    {
        foreach (ScheduledThread thread in _threads)
        {
            if (thread.HasEnded && !thread.AwaitDeath(s_hang))
            {
                Fail(new TimeoutException($"The thread {thread} does not die."));
            }
        }
    }

    private void RunThread(ScheduledThread thread, Action body)
    {
        thread.AwaitTurn();
        InterleavingPoints.Visitor = this;
        try
        {
            if (!_givenUp)
            {
                body();
            }
        }
        catch (ScheduleGivenUpException)
        {
        }
        catch (Exception failure)
        {
            Fail(failure);
        }

        InterleavingPoints.Visitor = null;
        if (!_givenUp)
        {
            Guard(_scenario.Always);
        }

        NoteProgress(thread, spins: false);
        thread.End();
        _ended.Give();
    }

    private void Pass(InterleavingPoint point, Func<bool>? condition, bool spins)
    {
        if (_looking)
        {
            return;
        }

        ScheduledThread own = Current;
        if (!_givenUp)
        {
            own.Point = point;
            own.Condition = condition;
            _steps.Add((own.Number, point));
            NoteProgress(own, spins);
            Guard(_scenario.Always);
            if (_steps.Count > MostSteps)
            {
                Fail(new TimeoutException($"The schedule does not end: it has {_steps.Count} steps."));
            }

            if (!_givenUp && Choose(own.Number, point, spins) is { } next && next != own)
            {
                Hand(next);
                own.AwaitTurn();
            }
        }

        if (_givenUp)
        {
            throw new ScheduleGivenUpException();
        }

        own.Condition = null;
    }

    private void Hand(ScheduledThread next)
    {
        Current = next;
        next.GiveTurn();
    }

    // Who looks in a loop sleeps until somebody else has done something: else two that look could keep the turn for ever.
    private void NoteProgress(ScheduledThread thread, bool spins)
    {
        _progress += spins && thread.LookedAt != 0 ? 0 : 1;
        thread.LookedAt = spins ? _progress : 0;
    }

    // Who goes on; null when nobody can, which is a failure.
    private ScheduledThread? Choose(int current, InterleavingPoint? point, bool spins)
    {
        FindReady(current, withSleepers: false);
        if (_ready.Count == 0 && (spins || current == NobodyYet || !IsReady(_threads[current])))
        {
            FindReady(current, withSleepers: true);
        }

        bool canGoOn = current != NobodyYet && IsReady(_threads[current]) && (!spins || _ready.Count == 0);
        if (canGoOn)
        {
            _ready.Insert(0, current);
        }

        if (spins)
        {
            _order.NoteSpin(current);
        }

        if (_ready.Count == 0)
        {
            Fail(new TimeoutException("All threads wait for each other."));
            return null;
        }

        if (_ready.Count == 1)
        {
            return _threads[_ready[0]];
        }

        int chosen = _ready[_order.Choose(new Choice(_steps.Count, current, point, canGoOn, _ready))];
        _decisions.Add(chosen);
        return _threads[chosen];
    }

    private void FindReady(int current, bool withSleepers)
    {
        _ready.Clear();
        foreach (ScheduledThread thread in _threads)
        {
            if (thread.Number != current && (withSleepers || thread.LookedAt < _progress) && IsReady(thread))
            {
                _ready.Add(thread.Number);
            }
        }
    }

    private bool IsReady(ScheduledThread thread)
    {
        _looking = true;
        bool ready = thread.IsReady;
        _looking = false;
        return ready;
    }

    private void Guard(Action? check)
    {
        _looking = true;
        try
        {
            check?.Invoke();
        }
        catch (Exception failure)
        {
            Fail(failure);
        }

        _looking = false;
    }

    private void Fail(Exception failure)
    {
        if (_givenUp)
        {
            return;
        }

        _failure = failure;
        _places = string.Join("; ", _threads);
        _givenUp = true;
        foreach (ScheduledThread thread in _threads)
        {
            thread.GiveTurn();
        }
    }

    private ScheduleFailedException Failed()
    {
        foreach (ScheduledThread thread in _threads)
        {
            // Best effort: one that hangs does so in its own background.
            thread.AwaitDeath(TimeSpan.FromSeconds(1));
        }

        string decisions = Decisions.Write(_decisions);
        IEnumerable<string> last = _steps.TakeLast(60).Select(step => $"  {step.Thread} {_threads[step.Thread].Name}: {step.Point}");
        string message = $"""
            {_failure!.Message}
            In the {_order.Description}; to see it again: decisions "{decisions}".
            Threads: {_places}.
            Its {_steps.Count} points, or the last of them:
            {string.Join(Environment.NewLine, last)}
            """;
        return new ScheduleFailedException(message, decisions, _failure);
    }
}

/// <summary>A schedule that came to its end.</summary>
/// <param name="Decisions">For <see cref="ReplayedOrder"/>.</param>
/// <param name="Steps">The points that were passed, and by whom.</param>
internal sealed record Schedule(string Decisions, IReadOnlyList<(int Thread, InterleavingPoint Point)> Steps);
