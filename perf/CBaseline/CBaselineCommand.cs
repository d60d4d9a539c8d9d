using System.CommandLine;
using SpanHeap.Perf.Allocators;
using SpanHeap.Perf.Allocators.Peers;
using SpanHeap.Perf.CommandLine;
using SpanHeap.Perf.Measurement;
using SpanHeap.Perf.Recordings;
using SpanHeap.Perf.Reports;

namespace SpanHeap.Perf.CBaseline;

/// <summary><c>perf -- c-baseline</c>: what C programs get from each C allocator, beside what C# gets from SpanHeap.</summary>
internal static class CBaselineCommand
{
    private const int DefaultRounds = 5;

    private static readonly string[] s_peers = [AllocatorCatalog.System, "mimalloc", "jemalloc", "tcmalloc"];
    private static readonly string[] s_managed = [AllocatorCatalog.SpanHeap, "spanheap-local"];

    public static Command Declare()
    {
        Argument<string[]> files = CommandOptions.Operands("FILE");
        Option<IReadOnlyList<string>?> workloads = CommandOptions.List(CommandOptions.Workloads);
        Option<IReadOnlyList<string>?> allocators = CommandOptions.List(CommandOptions.Allocators);
        Option<string[]> given = PeerOption.Declare();
        Option<long?> rounds = CommandOptions.Rounds();
        Option<string?> json = CommandOptions.Text(JsonReport.Option);
        Command command = new("c-baseline") { files, workloads, allocators, given, rounds, json };
        command.SetAction(line => Run(
            BaselineWorkload.Choose(line.GetValue(workloads), line.GetValue(files) is { Length: > 0 } named ? named : TraceFile.Bundled()),
            AllocatorCatalog.Choose(line.GetValue(allocators) ?? s_peers, PeerOption.Read(line.GetValue(given))),
            (int)(line.GetValue(rounds) ?? DefaultRounds),
            line.GetValue(json)));
        return command;
    }

    private static int Run(IReadOnlyList<BaselineWorkload> workloads, IReadOnlyList<AllocatorEntry> peers, int rounds, string? json)
    {
        ReportFile.RefuseUnwritable(JsonReport.Option, json);

        if (peers.FirstOrDefault(peer => !peer.IsPeer) is { } stranger)
        {
            throw new InputException($"{stranger.Name} is no C allocator: {string.Join(", ", s_peers)} can be preloaded.");
        }

        if (peers.OfType<PeerEntry>().FirstOrDefault(peer => !peer.CanBePreloaded) is { } prefixed)
        {
            throw new InputException($"{PeerOption.Name} {prefixed.Name}: {prefixed.Library} has no plain malloc, calloc, realloc and free, so it cannot be preloaded.");
        }

        using CProgram? program = CProgram.TryBuild("c-baseline");
        if (program is null)
        {
            return 0;
        }

        var series = new BaselineSeries(program, [.. s_managed.Select(AllocatorCatalog.Find)], peers, rounds);
        BaselineResult[] results = [.. workloads.SelectMany(series.Measure)];
        Progress.Clear();
        Print(results, program, rounds);
        if (json is not null)
        {
            JsonReport.Write(json, BaselineRows.Of(results), WorkerBuild.Ordinary);
        }

        return 0;
    }

    private static void Print(BaselineResult[] results, CProgram program, int rounds)
    {
        Console.WriteLine(Machine.Current);
        Console.WriteLine(program.Version);
        Console.WriteLine();
        Console.Write(BaselineTable.Of(results));
        Console.WriteLine();
        Console.WriteLine($"""
            Medians of {rounds} rounds after warm-up, each allocator in a process of its own, rounds interleaved. The C columns
            are a C program (gcc -O2) with the allocator preloaded; it does the same operations with the same touches as
            the C# loops.
            """);
    }
}
