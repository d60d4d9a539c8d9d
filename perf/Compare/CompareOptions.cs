using System.CommandLine;
using System.Globalization;
using SpanHeap.Perf.Allocators;
using SpanHeap.Perf.Allocators.Peers;
using SpanHeap.Perf.CommandLine;
using SpanHeap.Perf.Compare.Fleet;
using SpanHeap.Perf.Compare.Workloads;
using SpanHeap.Perf.Recordings;
using SpanHeap.Perf.Reports;

namespace SpanHeap.Perf.Compare;

/// <summary>The command line of <c>perf -- compare</c>, checked before anything is measured.</summary>
internal sealed record CompareOptions(
    IReadOnlyList<WorkloadEntry> Workloads, IReadOnlyList<string> Allocators, IReadOnlyList<PeerEntry> Peers, IReadOnlyList<int>? Threads, int Rounds)
{
    public const string FromOption = "--from";
    public const string MarkdownOption = "--markdown";
    public const string ChartOption = "--chart";
    public const string ShortChartOption = "--short-chart";

    private const int DefaultRounds = 5;
    private const int MostThreads = 256;

    /// <summary>The file of an earlier run that is reported once more; null to measure.</summary>
    public string? From { get; init; }

    public string? Json { get; init; }

    public string? Markdown { get; init; }

    /// <summary>The file for a picture of all rows.</summary>
    public string? Chart { get; init; }

    /// <summary>The file for a picture of the means and a few rows.</summary>
    public string? ShortChart { get; init; }

    /// <summary>Whether rows are left out whose profiles were not given.</summary>
    public bool LacksFleet { get; init; }

    /// <summary>Declares the command and what runs with its options.</summary>
    public static Command Declare(Func<CompareOptions, int> run)
    {
        Option<IReadOnlyList<string>?> workloads = CommandOptions.List(CommandOptions.Workloads);
        Option<IReadOnlyList<string>?> allocators = CommandOptions.List(CommandOptions.Allocators);
        Option<IReadOnlyList<string>?> threads = CommandOptions.List("--threads");
        Option<IReadOnlyList<string>?> traces = CommandOptions.List("--traces");
        Option<string?> fleet = CommandOptions.Text(FleetFiles.Option);
        Option<string[]> peers = PeerOption.Declare();
        Option<long?> rounds = CommandOptions.Rounds();
        Option<string?> from = CommandOptions.Text(FromOption);
        Option<string?> json = CommandOptions.Text(JsonReport.Option);
        Option<string?> markdown = CommandOptions.Text(MarkdownOption);
        Option<string?> chart = CommandOptions.Text(ChartOption);
        Option<string?> shortChart = CommandOptions.Text(ShortChartOption);
        Option[] ofMeasuring = [workloads, allocators, threads, traces, fleet, peers, rounds, json];
        Command command = new("compare");
        foreach (Option option in (Option[])[.. ofMeasuring, from, markdown, chart, shortChart])
        {
            command.Add(option);
        }

        command.Validators.Add(result =>
        {
            if (result.GetResult(from) is not null && ofMeasuring.FirstOrDefault(option => result.GetResult(option) is not null) is { } unfit)
            {
                result.AddError($"{unfit.Name}: nothing is measured with {FromOption}.");
            }
        });
        command.SetAction(line => run(new CompareOptions(
            WorkloadCatalog.Choose(line.GetValue(workloads), [.. Recordings(line.GetValue(traces)), .. FleetFiles.Entries(line.GetValue(fleet))]),
            line.GetValue(allocators) ?? AllocatorCatalog.Names,
            PeerOption.Read(line.GetValue(peers)),
            line.GetValue(threads)?.Select(ThreadCount).Distinct().ToArray(),
            (int)(line.GetValue(rounds) ?? DefaultRounds))
        {
            From = line.GetValue(from),
            Json = line.GetValue(json),
            Markdown = line.GetValue(markdown),
            Chart = line.GetValue(chart),
            ShortChart = line.GetValue(shortChart),
            LacksFleet = line.GetValue(workloads) is null && line.GetValue(fleet) is null,
        }.Checked()));
        return command;
    }

    private CompareOptions Checked()
    {
        ReportFile.RefuseUnwritable(JsonReport.Option, Json);
        ReportFile.RefuseUnwritable(MarkdownOption, Markdown);
        ReportFile.RefuseUnwritable(ChartOption, Chart);
        ReportFile.RefuseUnwritable(ShortChartOption, ShortChart);
        return this;
    }

    private static WorkloadEntry[] Recordings(IReadOnlyList<string>? files)
    {
        string[] paths = files is null ? TraceFile.Bundled() : [.. files.SelectMany(FilesOf)];
        WorkloadEntry[] entries = [.. paths.Select(RecordedProgram.Entry)];
        return entries.GroupBy(entry => entry.Name).FirstOrDefault(group => group.Count() > 1) is { } twice
            ? throw new InputException($"--traces: two recordings would be called {twice.Key}.")
            : entries;
    }

    private static IEnumerable<string> FilesOf(string path)
    {
        if (!Directory.Exists(path))
        {
            return File.Exists(path) ? [path] : throw new InputException($"--traces: there is no file or directory {path}.");
        }

        string[] files = [.. Directory.GetFiles(path).Order(StringComparer.Ordinal)];
        return files.Length > 0 ? files : throw new InputException($"--traces: no recording in {path}.");
    }

    private static int ThreadCount(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int count) && count is >= 1 and <= MostThreads
            ? count
            : throw new InputException($"--threads: '{text}' is not a number from 1 to {MostThreads}.");
}
