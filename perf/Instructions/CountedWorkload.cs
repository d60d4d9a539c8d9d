using SpanHeap.Perf.CBaseline;
using SpanHeap.Perf.CommandLine;
using SpanHeap.Perf.Compare.Workloads;
using SpanHeap.Perf.Recordings;

namespace SpanHeap.Perf.Instructions;

/// <summary>A loop that the C program and the counter both have, and how many rounds of it are counted.</summary>
/// <param name="Name">In tables and on the command line.</param>
/// <param name="Loop">What the two programs call it, with its numbers; <c>CBaseline/loops.c</c> explains them.</param>
/// <param name="Few">The rounds after which the allocator is warm.</param>
/// <param name="Many">More rounds: what they take above the few is what is counted.</param>
internal sealed record CountedWorkload(string Name, string Loop, int Few, int Many)
{
    // The start of a process of .NET takes some 1,500 instructions more at one time than at another, so the pairs between few and many are many.
    private static readonly CountedWorkload[] s_loops =
    [
        new("pair-64", "pair 64", 10_000, 110_000),
        new("batch-100", "batch 100 64", 200, 1_200),
        new("batch-1000", "batch 1000 64", 20, 120),
        new("batch-10000", "batch 10000 64", 5, 15),
        new("random", "replace 10000 8 1024", 50_000, 150_000),
        new("medium", "replace 1000 1024 32768", 10_000, 30_000),
        new("zeroed-64", "zeroed 64", 10_000, 110_000),
        new("zeroed-1024", "zeroed 1024", 10_000, 110_000),
        new("aligned-64", "aligned 64", 10_000, 110_000),
        new("hand-over", "hand-over 1000 64", 20, 120),
        new("growth", "growth 1048576", 5, 35),
    ];

    /// <summary>The recording that is replayed; null for a loop.</summary>
    public string? TracePath { get; private init; }

    /// <summary>Gets the workloads whose names fit one of the patterns, or all: the loops and the bundled recordings.</summary>
    public static IReadOnlyList<CountedWorkload> Choose(IReadOnlyList<string>? patterns)
    {
        CountedWorkload[] known = [.. s_loops, .. TraceFile.Bundled().Select(Replay)];
        return patterns is null ? known : NamePatterns.Choose(known, static workload => workload.Name, patterns);
    }

    /// <summary>Gets the loop as arguments of a program.</summary>
    /// <param name="folder">Where a recording is put.</param>
    public string[] Words(string folder) => TracePath is null ? Loop.Split(' ') : [Loop, FlatTrace.For(folder, TracePath)];

    private static CountedWorkload Replay(string recording) =>
        new(RecordedProgram.Prefix + TraceFile.NameOf(recording), "trace", 1, 2) { TracePath = recording };
}
