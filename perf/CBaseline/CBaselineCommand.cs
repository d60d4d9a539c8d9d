using SpanHeap.Perf.Allocators;
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

    public static int Run(Arguments arguments)
    {
        int rounds = (int)(arguments.Number("--rounds", 1, 1000) ?? DefaultRounds);
        IReadOnlyList<BaselineWorkload> workloads = BaselineWorkload.Choose(
            arguments.List("--workloads"), arguments.Positional.Count > 0 ? arguments.Positional : TraceFile.Bundled());
        IReadOnlyList<string> names = arguments.List("--allocators") ?? s_peers;
        string? json = arguments.Text(JsonReport.Option);
        arguments.RefuseTheRest();
        ReportFile.RefuseUnwritable(JsonReport.Option, json);

        IReadOnlyList<AllocatorEntry> peers = AllocatorCatalog.Choose(names);
        if (peers.FirstOrDefault(peer => !peer.IsPeer) is { } stranger)
            throw new InputException($"{stranger.Name} is no C allocator: {string.Join(", ", s_peers)} can be preloaded.");
        using CProgram? program = CProgram.TryBuild();
        if (program is null)
            return 0;

        var series = new BaselineSeries(program, [.. s_managed.Select(AllocatorCatalog.Find)], peers, rounds);
        BaselineResult[] results = [.. workloads.SelectMany(series.Measure)];
        Progress.Clear();
        Print(results, program, rounds);
        if (json is not null)
            JsonReport.Write(json, BaselineRows.Of(results), WorkerBuild.Ordinary);
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
