using System.CommandLine;
using SpanHeap.Perf.Allocators;
using SpanHeap.Perf.CommandLine;
using SpanHeap.Perf.Compare.Fleet;
using SpanHeap.Perf.Measurement;
using SpanHeap.Perf.Reports;

namespace SpanHeap.Perf.Compare;

/// <summary><c>perf -- compare</c>: every workload with every allocator, and how far each is from the best C allocator.</summary>
internal static class CompareCommand
{
    public static Command Declare() => CompareOptions.Declare(Run);

    // 1 when an allocator failed.
    private static int Run(CompareOptions options)
    {
        CompareRun run = options.From is { } earlier ? CompareRun.Read(CompareOptions.FromOption, earlier) : Measure(options);

        string report = CompareReport.Of(run);
        Console.Write(report);
        if (options.Markdown is { } markdown)
        {
            ReportFile.Write(CompareOptions.MarkdownOption, markdown, report);
        }

        if (options.Json is { } json)
        {
            JsonReport.Write(json, CompareRows.Of(run.Comparisons), run.Fresh);
        }

        if (options.Chart is { } chart)
        {
            ReportFile.Write(CompareOptions.ChartOption, chart, CompareChart.Whole(run));
        }

        if (options.ShortChart is { } shortChart)
        {
            ReportFile.Write(CompareOptions.ShortChartOption, shortChart, CompareChart.Short(run));
        }

        return run.Comparisons.SelectMany(comparison => comparison.Results).Any(result => result.Failure is not null) ? 1 : 0;
    }

    private static CompareRun Measure(CompareOptions options)
    {
        IReadOnlyList<AllocatorEntry> allocators = AllocatorCatalog.ChooseForComparison(options.Allocators, options.Peers);
        Comparison[] comparisons = [.. Comparisons(options, allocators)];
        if (comparisons.Length == 0)
        {
            throw new InputException("None of the workloads makes sense with so many threads and these allocators.");
        }

        if (options.LacksFleet)
        {
            Console.Error.WriteLine($"{FleetFiles.NamePrefix}* is skipped: its profiles do not come with this program. {FleetFiles.Source}");
        }

        WorkerBuild fresh = AheadBuild.Make();
        foreach (Comparison comparison in comparisons)
        {
            new ComparisonSeries(comparison, options.Rounds, fresh).Measure();
        }

        Progress.Clear();
        int mostRounds = comparisons.Max(comparison => ComparisonSeries.WarmRounds(comparison, options.Rounds));
        return new CompareRun(Machine.Current, fresh, options.Rounds, mostRounds, allocators, comparisons);
    }

    private static IEnumerable<Comparison> Comparisons(CompareOptions options, IReadOnlyList<AllocatorEntry> allocators) =>
        from workload in options.Workloads
        from threads in workload.ThreadsOf(options.Threads)
        let comparison = Comparison.Make(workload, threads, allocators)
        where comparison.Results.Count > 0
        select comparison;
}
