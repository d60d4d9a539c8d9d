using System.CommandLine;
using SpanHeap.Perf.Allocators;
using SpanHeap.Perf.Allocators.Peers;
using SpanHeap.Perf.CommandLine;
using SpanHeap.Perf.Measurement;
using SpanHeap.Perf.Recordings;
using SpanHeap.Perf.Reports;

namespace SpanHeap.Perf.Replay;

/// <summary><c>perf -- replay</c>: what real programs asked of malloc, asked of each allocator.</summary>
internal static class ReplayCommand
{
    public const string Name = "replay";

    private const int DefaultRounds = 5;

    public static Command Declare()
    {
        Argument<string[]> files = CommandOptions.Operands("FILE");
        Option<IReadOnlyList<string>?> allocators = CommandOptions.List(CommandOptions.Allocators);
        Option<string[]> peers = PeerOption.Declare();
        Option<long?> rounds = CommandOptions.Rounds();
        Option<string?> json = CommandOptions.Text(JsonReport.Option);
        Command command = new(Name) { files, allocators, peers, rounds, json };
        command.SetAction(line => Run(
            line.GetValue(files)!,
            AllocatorCatalog.Choose(line.GetValue(allocators), PeerOption.Read(line.GetValue(peers))),
            (int)(line.GetValue(rounds) ?? DefaultRounds),
            line.GetValue(json)));
        return command;
    }

    private static int Run(string[] files, IReadOnlyList<AllocatorEntry> allocators, int rounds, string? json)
    {
        ReportFile.RefuseUnwritable(JsonReport.Option, json);

        IReadOnlyList<TraceSummary> traces = ReadTraces(files.Length > 0 ? files : TraceFile.Bundled());
        WorkerBuild fresh = AheadBuild.Make();
        IReadOnlyList<ReplayResult> results = new ReplaySeries(traces, allocators, rounds, fresh).Measure();
        Progress.Clear();

        Print(traces, results, rounds, fresh);
        if (json is not null)
        {
            JsonReport.Write(json, ReplayRows.Of(results, rounds), fresh);
        }

        return 0;
    }

    private static List<TraceSummary> ReadTraces(IEnumerable<string> paths)
    {
        List<TraceSummary> traces = [];
        foreach (string path in paths)
        {
            Progress.Show($"reading {path}");
            traces.Add(TraceSummary.Of(Path.GetFullPath(path), TraceReader.Read(path)));
        }

        Progress.Clear();
        return traces;
    }

    private static void Print(IReadOnlyList<TraceSummary> traces, IReadOnlyList<ReplayResult> results, int rounds, WorkerBuild fresh)
    {
        Console.WriteLine(Machine.Current);
        foreach (TraceSummary trace in traces)
        {
            Console.WriteLine(trace);
        }

        Console.WriteLine();
        Console.Write(ReplayTable.Of(results));
        Console.WriteLine();
        Console.WriteLine($"""
            ns/op: median (min to max) of {rounds} rounds after warm-up, each allocator in a process of its own, rounds interleaved.
            cold: median of {rounds} fresh processes, the first {ColdWorker.MaxOperations:N0} operations. To warm up the harness, the trace was
            first replayed with an allocator that does nothing; the measured one had not been called before. {WhatItMeans(fresh)}
            peak: resident memory above the baseline in the first replay of a fresh process. Ratios are to system; lower is better.
            """);
        foreach (ReplayResult result in results.Where(result => result.Peak.OwnBytes is not null))
        {
            Console.WriteLine($"{result.Allocator.Name} itself counts {MarkdownTable.Mebibytes(result.Peak.OwnBytes)} MiB resident when {result.Trace.Name} ends.");
        }
    }

    private static string WhatItMeans(WorkerBuild fresh) => fresh == WorkerBuild.Ordinary
        ? "No build that is compiled ahead could be made, so it is mostly the JIT's."
        : "Compiled ahead, as the package and published programs are.";
}
