using System.CommandLine;
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

    /// <summary>Declares the command and what runs with its options.</summary>
    public static Command Declare(Func<TracedOptions, int> run)
    {
        Option<IReadOnlyList<string>?> workloads = CommandOptions.List(CommandOptions.Workloads);
        Option<IReadOnlyList<string>?> allocators = CommandOptions.List(CommandOptions.Allocators);
        Option<long?> rounds = CommandOptions.Rounds();
        Option<string?> json = CommandOptions.Text(JsonReport.Option);
        Option<string?> chart = CommandOptions.Text(ChartOption);
        Command command = new("traced") { workloads, allocators, rounds, json, chart };
        command.SetAction(line =>
        {
            (IReadOnlyList<TracedWorkload> programs, IReadOnlyList<HeapDetail> details) = TracedCatalog.Choose(line.GetValue(workloads));
            return run(new TracedOptions(
                programs, details, TracedAllocator.Choose(line.GetValue(allocators)), (int)(line.GetValue(rounds) ?? DefaultRounds),
                line.GetValue(json), line.GetValue(chart)).Checked());
        });
        return command;
    }

    private TracedOptions Checked()
    {
        ReportFile.RefuseUnwritable(JsonReport.Option, Json);
        ReportFile.RefuseUnwritable(ChartOption, Chart);
        return this;
    }
}
