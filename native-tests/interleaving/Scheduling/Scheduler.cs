using SpanHeap.Os;

namespace SpanHeap.Tests.Interleaving.Scheduling;

/// <summary>
/// Runs the threads of a scenario one at a time: at each named point the order decides which one goes on. The same decisions make the same
/// schedule, for nothing else tells the threads apart.
/// </summary>
/// <remarks>
/// The thread that has the turn may touch everything here; it goes over as a <see cref="Turn"/>. The test's own thread has it first, between the
/// end of one thread and the next, and last.
/// </remarks>
internal sealed class Scheduler : IInterleaver
{
    // A schedule that has not ended after so many is taken for an endless one.
    private const int MostSteps = 20_000;
    private const int StepsTold = 60;

    private readonly Scenario _scenario;
    private readonly Order _order;
    private readonly ReadyThreads _threads = new();
    private readonly List<(int Thread, InterleavingPoint Point)> _steps = [];
    private readonly List<int> _decisions = [];

    // Given by a thread that ends, or gives up.
    private readonly Turn _ended = new();

    // The thread that has the turn, or had it last; null at the beginning.
    private ScheduledThread? _current;

    // Set while conditions and checks look at the heap: points that they come by are none.
    private bool _looking;
    private Exception? _failure;

    // Where the threads were then.
    private string _places = string.Empty;

    // Set once, by the thread that finds the failure; read by all, without a turn from then on.
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

    void IInterleaver.At(InterleavingPoint point)
    {
        if (_scenario.StopsAt(point))
        {
            Pass(point, condition: null, looks: false);
        }
    }

    void IInterleaver.Await(InterleavingPoint point, Func<bool> condition) => Pass(point, condition, looks: false);

    void IInterleaver.Spin(InterleavingPoint point) => Pass(point, condition: null, looks: true);

    void IInterleaver.Sleep(InterleavingPoint point)
    {
        if (_looking)
        {
            return;
        }

        ScheduledThread own = _current!;
        own.IsAsleep = true;
        Pass(point, condition: null, looks: true);
        own.IsAsleep = false;
    }

    bool? IInterleaver.IsAsleep(Thread thread) => _threads.Find(thread)?.IsAsleep;

    void IInterleaver.Fork(string name, Action work) => Add(name, work);

    private void Add(string name, Action body) => _threads.Add(new ScheduledThread(_threads.Count, name, body, thread => RunThread(thread, body)));

    private void RunAll()
    {
        foreach ((string name, Action body) in _scenario.Threads)
        {
            Add(name, body);
        }

        while (!_givenUp && !_threads.HaveAllEnded && Choose(null, looks: false) is { } next)
        {
            Hand(next);
            if (!_ended.TryAwait(_scenario.Hang))
            {
                Fail(new TimeoutException($"No thread has come to its end for {_scenario.Hang.TotalSeconds} s; the turn has: {_current}."));
                break;
            }

            _threads.ForEach(AwaitDeath);
        }

        if (!_givenUp)
        {
            Look(_scenario.AtEnd);
        }

        if (_failure != null)
        {
            throw Failed(_failure);
        }
    }

    private void AwaitDeath(ScheduledThread thread)
    {
        if (thread.HasEnded && !thread.AwaitDeath(_scenario.Hang))
        {
            Fail(new TimeoutException($"Thread {thread} does not die."));
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
            Look(_scenario.Always);
            _threads.NoteProgress(thread, looks: false);
        }

        thread.End();
        _ended.Give();
    }

    private void Pass(InterleavingPoint point, Func<bool>? condition, bool looks)
    {
        if (_givenUp)
        {
            throw new ScheduleGivenUpException();
        }

        if (_looking)
        {
            return;
        }

        ScheduledThread own = _current!;
        own.Point = point;
        own.Condition = condition;
        _steps.Add((own.Number, point));
        _threads.NoteProgress(own, looks);
        Look(_scenario.Always);
        Look(() => _scenario.Passing?.Invoke(point));
        if (_steps.Count > MostSteps)
        {
            Fail(new TimeoutException($"The schedule does not end: it has {_steps.Count} steps."));
        }

        if (!_givenUp && Choose(point, looks) is { } next && next != own)
        {
            Hand(next);
            own.AwaitTurn();
        }

        if (_givenUp)
        {
            throw new ScheduleGivenUpException();
        }

        own.Condition = null;
    }

    private void Hand(ScheduledThread next)
    {
        _current = next;
        next.GiveTurn();
    }

    // The thread that goes on; null when none can, which is a failure.
    private ScheduledThread? Choose(InterleavingPoint? point, bool looks)
    {
        _looking = true;
        IReadOnlyList<int> ready = _threads.Find(_current, looks, out bool canGoOn);
        _looking = false;
        if (looks)
        {
            _order.NoteSpin(_current!.Number);
        }

        switch (ready.Count)
        {
            case 0:
                Fail(new TimeoutException("All threads wait for each other."));
                return null;
            case 1:
                return _threads[ready[0]];
        }

        int chosen = ready[_order.Choose(new Choice(_steps.Count, _current?.Number, point, canGoOn, ready))];
        _decisions.Add(chosen);
        return _threads[chosen];
    }

    private void Look(Action? check)
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
        if (!_givenUp)
        {
            _failure = failure;
            _places = _threads.ToString();
            _givenUp = true;
            _threads.ForEach(static thread => thread.GiveTurn());
        }
    }

    private ScheduleFailedException Failed(Exception failure)
    {
        // Best effort: one that hangs does so in its own background.
        _threads.ForEach(static thread => thread.AwaitDeath(TimeSpan.FromSeconds(1)));
        string decisions = Decisions.Write(_decisions);
        IEnumerable<string> last = _steps.TakeLast(StepsTold).Select(step => $"  {step.Thread} {_threads[step.Thread].Name}: {step.Point}");
        string message = $"""
            {failure.Message}
            In the {_order.Description}; to see it again: decisions "{decisions}".
            Threads: {_places}.
            Its {_steps.Count} points, or the last of them:
            {string.Join(Environment.NewLine, last)}
            """;
        return new ScheduleFailedException(message, decisions, failure);
    }
}
