using SpanHeap.Os;
using SpanHeap.Tests.Interleaving.Scheduling;

namespace SpanHeap.Tests.Interleaving;

/// <summary>The scheduler itself: it finds what it is for, and can show it again.</summary>
[Trait("Category", "Protocol")]
public sealed class SchedulerTests
{
    private const InterleavingPoint Anywhere = InterleavingPoint.SpanTaken;

    [Fact]
    public void All_schedules_of_two_threads_are_run_once_each()
    {
        HashSet<string> seen = [];
        int count = Exploration.RunAll(() => Recorder(seen), preemptions: 100);

        // Two rows of three steps (to a point, to another, to the end) in every mixture.
        Assert.Equal(20, count);
        Assert.Equal(20, seen.Count);
    }

    [Theory]
    [InlineData(0, 2)]
    [InlineData(1, 6)]
    public void Few_preemptions_are_few_schedules(int preemptions, int expected)
    {
        HashSet<string> seen = [];
        Assert.Equal(expected, Exploration.RunAll(() => Recorder(seen), preemptions));
        Assert.Equal(expected, seen.Count);
    }

    [Fact]
    public void Threads_that_do_the_same_begin_in_one_order()
    {
        // Of the six of two threads with two steps each, three are the others with other names.
        Assert.Equal(3, Exploration.RunAll(() => new Scenario(Nothing.Instance, new("first", Step), new("second", Step)), preemptions: 100));
        static void Step() => InterleavingPoints.At(Anywhere);
    }

    [Fact]
    public void A_lost_update_is_found_by_each_kind_of_search_and_seen_again_by_its_decisions()
    {
        foreach (IEnumerable<Order> orders in (IEnumerable<Order>[])
        [
            Exploration.AllOrders(preemptions: 1),
            Enumerable.Range(1, 100).Select(static seed => new RandomOrder(seed)),
            Enumerable.Range(1, 100).Select(static seed => new PriorityOrder(seed, changes: 2, steps: 4)),
        ])
        {
            ScheduleFailedException? failure = Exploration.Find(LostUpdate, orders, out _);
            Assert.Contains("1 of 2", failure?.Message, StringComparison.Ordinal);
            ScheduleFailedException again = Assert.Throws<ScheduleFailedException>(() => Replay(LostUpdate, failure!.Decisions));
            Assert.Contains("1 of 2", again.Message, StringComparison.Ordinal);
            Assert.Equal(failure!.Decisions, again.Decisions);
        }
    }

    [Fact]
    public void The_same_seed_is_the_same_schedule()
    {
        for (int seed = 1; seed <= 20; seed++)
        {
            HashSet<string> seen = [];
            Schedule first = Exploration.Run(() => Recorder(seen), new RandomOrder(seed));
            Schedule second = Exploration.Run(() => Recorder(seen), new RandomOrder(seed));
            Schedule replayed = Exploration.Run(() => Recorder(seen), new ReplayedOrder(Decisions.Read(first.Decisions)));
            Assert.Single(seen);
            Assert.Equal(first.Steps, second.Steps);
            Assert.Equal(first.Steps, replayed.Steps);
        }
    }

    [Fact]
    public void A_scenario_that_is_not_the_same_each_time_is_found()
    {
        int made = 0;
        Scenario Changing()
        {
            made++;
            return new(Nothing.Instance, new("first", () => StepsIf(made > 1)), new("second", () => StepsIf(made > 0)), new("third", static () => { }));
        }

        ScheduleFailedException failure = Assert.Throws<ScheduleFailedException>(() => Exploration.RunAll(Changing, preemptions: 1));

        Assert.Contains("another schedule", failure.Message, StringComparison.Ordinal);
        static void StepsIf(bool steps) => InterleavingPoints.AtIf(steps, Anywhere);
    }

    [Fact]
    public void Threads_that_wait_for_each_other_are_named_with_their_places()
    {
        Scenario Waiting() => new(
            Nothing.Instance,
            new("first", static () => InterleavingPoints.Await(InterleavingPoint.GateAwaited, static () => false)),
            new("second", static () => InterleavingPoints.Await(InterleavingPoint.SweepersAwaited, static () => false)));

        ScheduleFailedException failure = Assert.Throws<ScheduleFailedException>(() => Exploration.RunAll(Waiting, preemptions: 0));

        Assert.Contains("wait for each other", failure.Message, StringComparison.Ordinal);
        Assert.Contains("0 (first) waits at GateAwaited", failure.Message, StringComparison.Ordinal);
        Assert.Contains("1 (second) waits at SweepersAwaited", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_thread_that_blocks_elsewhere_is_named_with_its_place()
    {
        using ManualResetEventSlim never = new();
        Scenario Blocking() => new(
            Nothing.Instance,
            new ScenarioThread("blocks", () =>
            {
                InterleavingPoints.At(Anywhere);
                never.Wait();
            }))
        {
            Hang = TimeSpan.FromMilliseconds(100),
        };

        ScheduleFailedException failure = Assert.Throws<ScheduleFailedException>(() => Exploration.RunAll(Blocking, preemptions: 0));

        Assert.Contains("the turn has: 0 (blocks) is at SpanTaken", failure.Message, StringComparison.Ordinal);
        never.Set();
    }

    [Fact]
    public void A_loop_that_waits_gives_way_and_one_that_waits_in_vain_is_found()
    {
        bool done = false;
        Scenario Spinning(bool answers) => new(
            Nothing.Instance,
            new("waits", () => SpinUntil(() => done)),
            new("works", () => done = answers));

        Assert.InRange(Exploration.RunAll(() => Spinning(answers: true), preemptions: 3), 1, 10);
        done = false;
        ScheduleFailedException failure = Assert.Throws<ScheduleFailedException>(() => Exploration.RunAll(() => Spinning(answers: false), preemptions: 0));
        Assert.Contains("does not end", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Work_that_is_handed_over_is_a_thread_of_the_schedule()
    {
        int sum = 0;
        Scenario Forking() => new(Nothing.Instance, new ScenarioThread("first", () =>
        {
            bool taken = false;
            InterleavingPoints.Fork("second", () => sum++, ref taken);
            Assert.True(taken);
            InterleavingPoints.At(Anywhere);
        }));

        Assert.Equal(Exploration.RunAll(Forking, preemptions: 1), sum);
        Assert.InRange(sum, 2, 10);
    }

    [Fact]
    public void Decisions_are_read_as_they_were_written()
    {
        List<int> decisions = [0, 0, 0, 1, 2, 2, 0];
        Assert.Equal("0x3 1 2x2 0", Decisions.Write(decisions));
        Assert.Equal(decisions, Decisions.Read("0x3 1 2x2 0"));
    }

    private static void Replay(Func<Scenario> make, string decisions) => Exploration.Run(make, new ReplayedOrder(Decisions.Read(decisions)));

    private static void SpinUntil(Func<bool> condition)
    {
        while (!condition())
        {
            InterleavingPoints.Spin(InterleavingPoint.MarkWorkAwaited);
        }
    }

    private static Scenario Recorder(HashSet<string> seen)
    {
        string order = string.Empty;
        void Steps(string name)
        {
            order += name;
            InterleavingPoints.At(Anywhere);
            order += name;
            InterleavingPoints.At(Anywhere);
            order += name;
        }

        return new Scenario(Nothing.Instance, new("first", () => Steps("a")), new("second", () => Steps("b"))) { AtEnd = () => seen.Add(order) };
    }

    private static Scenario LostUpdate()
    {
        int sum = 0;
        void Add()
        {
            int old = sum;
            InterleavingPoints.At(Anywhere);
            sum = old + 1;
        }

        return new Scenario(Nothing.Instance, new("first", Add), new("second", Add)) { AtEnd = () => Assert.True(sum == 2, $"{sum} of 2") };
    }

    private sealed class Nothing : IDisposable
    {
        public static Nothing Instance { get; } = new();

        public void Dispose()
        {
        }
    }
}
