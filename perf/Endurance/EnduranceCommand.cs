using System.CommandLine;
using System.Globalization;
using SpanHeap.Perf.Allocators;
using SpanHeap.Perf.CommandLine;
using SpanHeap.Perf.Measurement;
using SpanHeap.Perf.Reports;

namespace SpanHeap.Perf.Endurance;

/// <summary><c>perf -- endurance</c>: what becomes of time and memory over many threads, blocks and seconds.</summary>
internal static class EnduranceCommand
{
    private const long DefaultBlocks = 100_000_000;

    public static Command Declare()
    {
        Argument<string[]> scenarios = CommandOptions.Operands("SCENARIO");
        Option<IReadOnlyList<string>?> allocators = CommandOptions.List(CommandOptions.Allocators);
        Option<long?> blocks = CommandOptions.Number("--blocks", 1, long.MaxValue / 2);
        Option<long?> rounds = CommandOptions.Rounds();
        Command command = new("endurance") { scenarios, allocators, blocks, rounds };
        command.SetAction(line => Run(
            line.GetValue(scenarios) is { Length: > 0 } names ? [.. names.Select(ScenarioCatalog.Find)] : [.. ScenarioCatalog.All],
            line.GetValue(allocators), line.GetValue(blocks) ?? DefaultBlocks, (int?)line.GetValue(rounds)));
        return command;
    }

    // 1 when SpanHeap misses a limit.
    private static int Run(Scenario[] scenarios, IReadOnlyList<string>? names, long blocks, int? rounds)
    {
        IReadOnlyList<AllocatorEntry> allocators = AllocatorCatalog.Choose(names, []);

        Console.WriteLine(Machine.Current);
        bool missed = false;
        var table = new MarkdownTable("<scenario", "<allocator", "seconds", "ratio", "peak MiB", "rest MiB", "<limit", "<kept");
        foreach (Scenario scenario in scenarios)
        {
            Dictionary<string, Outcome> outcomes = Measure(scenario, allocators, rounds ?? scenario.Rounds, blocks);
            Outcome? system = outcomes.GetValueOrDefault(AllocatorCatalog.System);
            foreach ((string allocator, Outcome outcome) in outcomes)
            {
                bool? kept = scenario.Holds(outcome, system);
                missed |= kept == false && allocator.StartsWith(AllocatorCatalog.SpanHeap, StringComparison.Ordinal);
                table.Add(
                    scenario.Name, allocator,
                    outcome.Seconds.ToString("F2", CultureInfo.InvariantCulture), MarkdownTable.Ratio(outcome.Seconds / system?.Seconds),
                    MarkdownTable.Mebibytes(outcome.PeakBytes), MarkdownTable.Mebibytes(outcome.RestBytes),
                    scenario.Limit, kept switch { true => "yes", false => "NO", null => "" });
                if (outcome.Samples.Length > 0)
                {
                    PrintSamples(scenario, allocator, outcome);
                }
            }
        }

        Console.WriteLine();
        Console.Write(table);
        Console.WriteLine();
        Console.WriteLine("""
            Memory is resident memory above the start of the scenario, each run in a process of its own. Of several runs: the median of
            seconds and peak, the worst of rest. 'kept' is what SpanHeap promises; for others it is shown only.
            """);
        return missed ? 1 : 0;
    }

    private static Dictionary<string, Outcome> Measure(
        Scenario scenario, IReadOnlyList<AllocatorEntry> allocators, int rounds, long blocks)
    {
        Dictionary<string, List<Outcome>> runs = allocators.ToDictionary(allocator => allocator.Name, _ => new List<Outcome>());
        for (int round = 1; round <= rounds; round++)
        {
            foreach (AllocatorEntry allocator in allocators)
            {
                Progress.Show($"{scenario.Name}: {allocator.Name}, run {round} of {rounds}");
                string[] args = ["endurance", allocator.Name, scenario.Name, blocks.ToString(CultureInfo.InvariantCulture)];
                using var worker = new WorkerProcess(args, allocator.Environment);
                runs[allocator.Name].Add(worker.Answer<Outcome>());
            }
        }

        Progress.Clear();
        return runs.ToDictionary(run => run.Key, run => Outcome.Of(run.Value));
    }

    private static void PrintSamples(Scenario scenario, string allocator, Outcome outcome) => Console.WriteLine(
        $"{scenario.Name}, {allocator}: MiB at each tenth: {string.Join("  ", outcome.Samples.Select(sample => MarkdownTable.Mebibytes(sample)))}");
}
