using SpanHeap.Perf.Allocators;
using SpanHeap.Perf.CommandLine;
using SpanHeap.Perf.Measurement;
using SpanHeap.Perf.Reports;

namespace SpanHeap.Perf.Compare;

/// <summary><c>perf -- compare</c>: every workload with every allocator, and how far each is from the best C allocator.</summary>
internal static class CompareCommand
{
    /// <returns>1 when an allocator failed.</returns>
    public static int Run(Arguments arguments)
    {
        CompareOptions options = CompareOptions.Of(arguments);
        IReadOnlyList<AllocatorEntry> allocators = AllocatorCatalog.ChooseForComparison(options.Allocators);
        Bout[] bouts = [.. Bouts(options, allocators)];
        if (bouts.Length == 0)
            throw new InputException("None of the workloads makes sense with so many threads and these allocators.");

        WorkerBuild fresh = AheadBuild.Make();
        foreach (Bout bout in bouts)
            new BoutSeries(bout, options.Rounds, fresh).Measure();
        Progress.Clear();

        string report = CompareReport.Of(bouts, allocators, options.Rounds, fresh);
        Console.Write(report);
        if (options.Markdown is { } markdown)
            ReportFile.Write(CompareOptions.MarkdownOption, markdown, report);
        if (options.Json is { } json)
            JsonReport.Write(json, CompareRows.Of(bouts, options.Rounds), fresh);
        if (options.Chart is { } chart)
            ReportFile.Write(CompareOptions.ChartOption, chart, CompareChart.Of(bouts, allocators));
        return bouts.SelectMany(bout => bout.Cells).Any(cell => cell.Failure is not null) ? 1 : 0;
    }

    private static IEnumerable<Bout> Bouts(CompareOptions options, IReadOnlyList<AllocatorEntry> allocators) =>
        from workload in options.Workloads
        from threads in workload.ThreadsOf(options.Threads)
        let bout = Bout.Make(workload, threads, allocators)
        where bout.Cells.Count > 0
        select bout;
}
