using SpanHeap.Perf.CommandLine;
using SpanHeap.Perf.Reports;
using SpanHeap.Perf.Traced.Details;
using SpanHeap.Perf.Traced.Workloads;

namespace SpanHeap.Perf.Traced;

/// <summary>The command line of <c>perf -- traced</c>, checked before anything is measured.</summary>
internal sealed record TracedOptions(
    IReadOnlyList<TracedWorkload> Workloads, IReadOnlyList<HeapDetail> Details, IReadOnlyList<TracedAllocator> Allocators, int Rounds,
    string? Json, string? Chart)
{
    public const string ChartOption = "--chart";

    private const int DefaultRounds = 5;

    /// <summary>Whether an allocator was asked for, and one of the programs is written for it.</summary>
    public bool Runs(string allocator) => Allocators.Any(each => each.Name == allocator && Workloads.Any(each.Runs));

    public static TracedOptions Of(Arguments arguments)
    {
        (IReadOnlyList<TracedWorkload> workloads, IReadOnlyList<HeapDetail> details) = TracedCatalog.Choose(arguments.List("--workloads"));
        var options = new TracedOptions(
            workloads, details,
            TracedAllocator.Choose(arguments.List("--allocators")),
            (int)(arguments.Number("--rounds", 1, 1000) ?? DefaultRounds),
            arguments.Text(JsonReport.Option), arguments.Text(ChartOption));
        arguments.RefuseTheRest();
        if (arguments.Positional.Count > 0)
            throw new InputException($"'{arguments.Positional[0]}' has no meaning here; workloads are given with --workloads.");

        ReportFile.RefuseUnwritable(JsonReport.Option, options.Json);
        ReportFile.RefuseUnwritable(ChartOption, options.Chart);
        return options;
    }
}
