using System.Globalization;
using SpanHeap.Perf.Allocators;
using SpanHeap.Perf.CommandLine;
using SpanHeap.Perf.Compare.Workloads;
using SpanHeap.Perf.Recordings;
using SpanHeap.Perf.Reports;

namespace SpanHeap.Perf.Compare;

/// <summary>The command line of <c>perf -- compare</c>, checked before anything is measured.</summary>
internal sealed record CompareOptions(
    IReadOnlyList<WorkloadEntry> Workloads, IReadOnlyList<string> Allocators, IReadOnlyList<int>? Threads, int Rounds,
    string? Json, string? Markdown, string? Chart)
{
    public const string MarkdownOption = "--markdown";
    public const string ChartOption = "--chart";

    private const int DefaultRounds = 5;
    private const int MostThreads = 256;

    public static CompareOptions Of(Arguments arguments)
    {
        IReadOnlyList<string>? patterns = arguments.List("--workloads");
        string? traces = arguments.Text("--traces");
        var options = new CompareOptions(
            WorkloadCatalog.Choose(patterns, Recordings(traces)),
            arguments.List("--allocators") ?? AllocatorCatalog.Names,
            arguments.List("--threads")?.Select(ThreadCount).Distinct().ToArray(),
            (int)(arguments.Number("--rounds", 1, 1000) ?? DefaultRounds),
            arguments.Text(JsonReport.Option), arguments.Text(MarkdownOption), arguments.Text(ChartOption));
        arguments.RefuseTheRest();
        if (arguments.Positional.Count > 0)
            throw new InputException($"'{arguments.Positional[0]}' has no meaning here; workloads are given with --workloads.");

        ReportFile.RefuseUnwritable(JsonReport.Option, options.Json);
        ReportFile.RefuseUnwritable(MarkdownOption, options.Markdown);
        ReportFile.RefuseUnwritable(ChartOption, options.Chart);
        return options;
    }

    private static WorkloadEntry[] Recordings(string? option)
    {
        string[] paths = option is null
            ? TraceFile.Bundled()
            : [.. option.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).SelectMany(FilesOf)];
        WorkloadEntry[] entries = [.. paths.Select(RecordedProgram.Entry)];
        return entries.GroupBy(entry => entry.Name).FirstOrDefault(group => group.Count() > 1) is { } twice
            ? throw new InputException($"--traces: two recordings would be called {twice.Key}.")
            : entries;
    }

    private static IEnumerable<string> FilesOf(string path)
    {
        if (!Directory.Exists(path))
            return File.Exists(path) ? [path] : throw new InputException($"--traces: there is no file or directory {path}.");
        string[] files = [.. Directory.GetFiles(path).Order(StringComparer.Ordinal)];
        return files.Length > 0 ? files : throw new InputException($"--traces: no recording in {path}.");
    }

    private static int ThreadCount(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int count) && count is >= 1 and <= MostThreads
            ? count
            : throw new InputException($"--threads: '{text}' is not a number from 1 to {MostThreads}.");
}
