using Xunit.Abstractions;

namespace SpanHeap.Tests.Interleaving.Scheduling;

/// <summary>Runs a scenario in many orders.</summary>
internal static class Exploration
{
    private const int PriorityChanges = 3;

    /// <summary>
    /// How many random schedules of each kind a seeded test runs: <c>SPANHEAP_PROTOCOL_ROUNDS</c>, or few enough for each build.
    /// </summary>
    public static int Rounds { get; } = int.TryParse(Environment.GetEnvironmentVariable("SPANHEAP_PROTOCOL_ROUNDS"), out int rounds) ? rounds : 3;

    /// <summary>One schedule.</summary>
    /// <exception cref="ScheduleFailedException">It failed.</exception>
    public static Schedule Run(Func<Scenario> make, Order order)
    {
        CachePool.Arrange();
        Scenario scenario = make();
        Schedule schedule = Scheduler.Run(scenario, order);

        // Not after a failure: threads may still be in what would be freed.
        scenario.Dispose();
        return schedule;
    }

    /// <summary>All schedules with so few preemptions.</summary>
    /// <param name="make">Makes the scenario.</param>
    /// <param name="preemptions">How often a thread that could go on loses its turn.</param>
    /// <param name="most">How many schedules that may be.</param>
    /// <returns>How many they were.</returns>
    /// <exception cref="ScheduleFailedException">One failed.</exception>
    public static int RunAll(Func<Scenario> make, int preemptions, int most = 20_000)
    {
        ExhaustiveSearch search = new(preemptions);
        int count = 0;
        do
        {
            Run(make, search.Next());
            Assert.True(++count <= most, $"More than {most} schedules have no more than {preemptions} preemptions.");
        }
        while (search.TryAdvance());
        return count;
    }

    /// <summary>Random schedules, by seeds from 1 on: half of them by priorities.</summary>
    /// <exception cref="ScheduleFailedException">One failed.</exception>
    public static void RunSeeds(Func<Scenario> make)
    {
        int steps = 100;
        for (int seed = 1; seed <= Rounds; seed++)
        {
            steps = Run(make, new RandomOrder(seed)).Steps.Count;
            Run(make, new PriorityOrder(seed, PriorityChanges, steps));
        }
    }

    /// <summary>All schedules with so few preemptions, then random ones.</summary>
    public static void RunAllAndSeeds(Func<Scenario> make, ITestOutputHelper output, int preemptions)
    {
        output.WriteLine($"{RunAll(make, preemptions)} schedules with up to {preemptions} preemptions");
        RunSeeds(make);
    }

    /// <summary>Looks for a schedule that fails.</summary>
    /// <param name="make">Makes the scenario.</param>
    /// <param name="orders">One after the other.</param>
    /// <param name="tried">How many schedules were run, the failing one included.</param>
    /// <returns>The failure; null when none of them failed.</returns>
    public static ScheduleFailedException? Find(Func<Scenario> make, IEnumerable<Order> orders, out int tried)
    {
        tried = 0;
        foreach (Order order in orders)
        {
            tried++;
            try
            {
                Run(make, order);
            }
            catch (ScheduleFailedException failure)
            {
                return failure;
            }
        }

        return null;
    }

    /// <summary>
    /// A scenario with a step done wrongly: the exhaustive search and random orders find it, each time for one of the reasons given, and
    /// what they found is seen again by its decisions.
    /// </summary>
    public static void RequireFound(Func<Scenario> make, ITestOutputHelper output, int preemptions, params string[] reasons)
    {
        const int MostSeeds = 500;
        ScheduleFailedException? byAll = Find(make, AllOrders(preemptions), out int all);
        ScheduleFailedException? bySeed = Find(make, Enumerable.Range(1, MostSeeds).Select(static seed => new RandomOrder(seed)), out int seeds);
        output.WriteLine($"found after {all} schedules of all with up to {preemptions} preemptions, {seeds} random ones");
        foreach (ScheduleFailedException? failure in (ScheduleFailedException?[])[byAll, bySeed])
        {
            Assert.True(failure != null, $"{all} schedules and {seeds} random ones find nothing.");
            Assert.True(Array.Exists(reasons, reason => failure.Message.Contains(reason, StringComparison.Ordinal)), failure.Message);
            ScheduleFailedException again = Assert.Throws<ScheduleFailedException>(() => Run(make, new ReplayedOrder(Decisions.Read(failure.Decisions))));
            Assert.Contains(reasons, reason => again.Message.Contains(reason, StringComparison.Ordinal));
            Assert.Equal(failure.Decisions, again.Decisions);
        }
    }

    /// <summary>The orders of an exhaustive search.</summary>
    public static IEnumerable<Order> AllOrders(int preemptions)
    {
        ExhaustiveSearch search = new(preemptions);
        do
        {
            yield return search.Next();
        }
        while (search.TryAdvance());
    }
}
