using System.CommandLine;
using System.Globalization;
using SpanHeap.Perf.CommandLine;
using SpanHeap.Perf.Measurement;
using SpanHeap.Perf.Reports;

namespace SpanHeap.Perf.Guard;

/// <summary><c>perf -- guard</c>: what guarding costs, and whether it can run for ever.</summary>
internal static class GuardCommand
{
    private const long DefaultPairs = 5_000_000;
    private const long DefaultLive = 1_000_000;
    private const long DefaultBudget = 256;
    private const int DefaultRounds = 5;
    private const int MebibyteShift = 20;

    public static Command Declare()
    {
        Option<long?> pairs = CommandOptions.Number("--pairs", 100, long.MaxValue / 2);
        Option<long?> live = CommandOptions.Number("--live", 0, 100_000_000);
        Option<long?> budget = CommandOptions.Number("--budget-mib", 1, 1 << 20);
        Option<long?> rounds = CommandOptions.Rounds();
        Option<string?> json = CommandOptions.Text(JsonReport.Option);
        Command command = new("guard") { pairs, live, budget, rounds, json, Tool.DecodeCommand.Declare() };
        command.SetAction(line => Run(
            line.GetValue(pairs) ?? DefaultPairs, line.GetValue(live) ?? DefaultLive, line.GetValue(budget) ?? DefaultBudget,
            (int)(line.GetValue(rounds) ?? DefaultRounds), line.GetValue(json)));
        return command;
    }

    private static int Run(long pairs, long live, long budget, int rounds, string? json)
    {
        ReportFile.RefuseUnwritable(JsonReport.Option, json);

        Console.WriteLine(Machine.Current);
        var report = new GuardReport
        {
            Pairs = Ask<GuardPairsResult>(GuardPairs.Verb, Text(pairs), Text(budget << MebibyteShift)),
            Live = live == 0 ? null : Ask<GuardLiveResult>(GuardLive.Verb, Text(live)),
            Sampled = SampledSeries.Measure(rounds),
        };
        Progress.Clear();
        Console.Write(report.ToText(budget, rounds));
        if (json is not null)
        {
            JsonReport.Write(json, [report], WorkerBuild.Ordinary);
        }

        return report.Pairs.Statistics.Degraded == 0 ? 0 : 1;
    }

    private static T Ask<T>(params ReadOnlySpan<string> args)
    {
        using var worker = new WorkerProcess(args, []);
        return worker.Answer<T>();
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
