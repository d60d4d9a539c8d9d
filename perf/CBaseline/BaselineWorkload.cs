using SpanHeap.Perf.Allocators;
using SpanHeap.Perf.CommandLine;
using SpanHeap.Perf.Compare.Workloads;
using SpanHeap.Perf.Recordings;

namespace SpanHeap.Perf.CBaseline;

/// <summary>Something that both sides do alike: a loop by its name, or a trace.</summary>
/// <param name="Name">In tables and on the command line.</param>
/// <param name="Loop">What the C program calls a loop; null for a trace.</param>
/// <param name="TracePath">The recording; null for a loop.</param>
internal sealed record BaselineWorkload(string Name, string? Loop, string? TracePath)
{
    // In C in loops.c, in C# in Compare/Workloads.
    private static readonly (string Name, string Loop)[] s_loops =
    [
        ("pair-16", "pair 16"), ("pair-32", "pair 32"), ("pair-256", "pair 256"), ("pair-1024", "pair 1024"),
        ("batch-64", "batch 1000 64"), ("random", "replace 10000 16 512"),
    ];

    /// <summary>The named ones, or all; <paramref name="traces"/> are recordings.</summary>
    public static IReadOnlyList<BaselineWorkload> Choose(IReadOnlyList<string>? names, IEnumerable<string> traces)
    {
        BaselineWorkload[] all =
        [
            .. s_loops.Select(loop => new BaselineWorkload(loop.Name, loop.Loop, null)),
            .. traces.Select(path => new BaselineWorkload(TraceFile.NameOf(path), null, Path.GetFullPath(path))),
        ];
        if (all.GroupBy(workload => workload.Name).FirstOrDefault(group => group.Count() > 1) is { } twice)
        {
            throw new InputException($"Two workloads would be called {twice.Key}.");
        }

        return names is null ? all : [.. names.Select(Find)];

        BaselineWorkload Find(string name) => all.FirstOrDefault(workload => workload.Name == name) ?? throw new InputException(
            $"'{name}' is not a workload of c-baseline. Known: {string.Join(", ", all.Select(workload => workload.Name))}.");
    }

    public IContender StartManaged(AllocatorEntry allocator) =>
        new ManagedContender(allocator, TracePath is null ? Name : RecordedProgram.Prefix + TracePath);

    public IContender StartC(CProgram program, AllocatorEntry allocator) =>
        new CContender(program, allocator, TracePath is null ? Loop!.Split(' ') : ["trace", FlatTrace.For(program.Folder, TracePath)]);
}
