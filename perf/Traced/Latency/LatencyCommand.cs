using System.CommandLine;
using System.Globalization;
using SpanHeap.Perf.CommandLine;
using SpanHeap.Perf.Measurement;
using SpanHeap.Perf.Reports;

namespace SpanHeap.Perf.Traced.Latency;

/// <summary><c>perf -- traced latency</c>: how long single operations take beside a collector at work.</summary>
internal static class LatencyCommand
{
    private const int DefaultSeconds = 20;
    private const int DefaultMebibytes = 1024;
    private const int DefaultThreads = 2;

    public static Command Declare()
    {
        Option<IReadOnlyList<string>?> allocators = CommandOptions.List(CommandOptions.Allocators);
        Option<long?> threads = CommandOptions.Number("--threads", 1, 64);
        Option<long?> live = CommandOptions.Number("--live-mib", 1, 1 << 16);
        Option<long?> seconds = CommandOptions.Number("--seconds", 1, 3600);
        Option<string?> json = CommandOptions.Text(JsonReport.Option);
        Option<string?> chart = CommandOptions.Text(TracedOptions.ChartOption);
        Command command = new("latency") { allocators, threads, live, seconds, json, chart };
        command.SetAction(line => Run(
            LatencyContender.Choose(line.GetValue(allocators)),
            new LatencySetting(
                (int)(line.GetValue(threads) ?? DefaultThreads), (int)(line.GetValue(live) ?? DefaultMebibytes),
                (int)(line.GetValue(seconds) ?? DefaultSeconds)),
            line.GetValue(json), line.GetValue(chart)));
        return command;
    }

    private static int Run(IReadOnlyList<LatencyContender> contenders, LatencySetting setting, string? json, string? chart)
    {
        ReportFile.RefuseUnwritable(JsonReport.Option, json);
        ReportFile.RefuseUnwritable(TracedOptions.ChartOption, chart);
        using GoProgram? go = contenders.Any(IsGo) ? GoProgram.TryBuild("latency") : null;
        LatencyResult[] results =
        [
            .. contenders.Where(contender => go is not null || !IsGo(contender)).Select(contender => new LatencyResult(contender, Measure(contender, setting, go))),
        ];
        Progress.Clear();
        Console.WriteLine(Machine.Current);
        Console.WriteLine();
        Console.Write(LatencyTable.Of(results));
        Console.WriteLine();
        Console.WriteLine(Explanation(setting));
        if (json is not null)
        {
            JsonReport.Write(json, [.. results.Select(LatencyTable.RowOf)], WorkerBuild.Ordinary);
        }

        if (chart is not null)
        {
            ReportFile.Write(TracedOptions.ChartOption, chart, LatencyChart.Of(results, setting));
        }

        return 0;
    }

    private static LatencyRun Measure(LatencyContender contender, LatencySetting setting, GoProgram? go)
    {
        Progress.Show($"{contender.Name}: filling, then {setting.Seconds} s");
        if (IsGo(contender))
        {
            return go!.Run<LatencyRun>(setting.Words);
        }

        using var worker = new WorkerProcess([LatencyWorker.Verb, contender.Name, .. setting.Words], contender.Environment, WorkerBuild.Warming);
        return worker.Answer<LatencyRun>();
    }

    private static bool IsGo(LatencyContender contender) => contender.Name == LatencyContender.Go;

    private static string Explanation(LatencySetting setting) => string.Create(CultureInfo.InvariantCulture, $"""
        {setting.Threads} threads, each with a cache that forgets what was used least recently, {setting.LiveMebibytes} MiB together. An operation is {LatencyMutators.LookUps} look-ups, of
        which one in three replaces an entry; {setting.Seconds} s were timed, after the caches had been filled and mixed. Slow: operations of more than
        {SlowOperation.Threshold.TotalMicroseconds:f0} us. Of these the thread ran for most of the time, waited, or was preempted: the system had taken the processor away for more than
        half of it. Longest: of those that were not preempted. Pauses: when the collector kept all threads out. A thread that waits begins no further
        operation, so a long pause is one operation of each thread, and no percentile shows it.
        """);
}
