using SpanHeap.Perf.CommandLine;
using SpanHeap.Perf.Reports;

namespace SpanHeap.Perf.Traced;

/// <summary>The command line of <c>perf -- traced</c>, checked before anything is measured.</summary>
internal sealed record TracedOptions(
    IReadOnlyList<string>? Workloads, IReadOnlyList<TracedAllocator> Allocators, int Rounds, string? Json, string? Chart)
{
    public const string ChartOption = "--chart";

    private const int DefaultRounds = 5;

    public static TracedOptions Of(Arguments arguments)
    {
        var options = new TracedOptions(
            arguments.List("--workloads"),
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
