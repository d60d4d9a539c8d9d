using SpanHeap.Perf.CommandLine;
using SpanHeap.Perf.Compare.Workloads;

namespace SpanHeap.Perf.Compare;

/// <summary>Every workload by its name on the command line, where it is from and with how many threads it makes sense.</summary>
internal static class WorkloadCatalog
{
    private static readonly int[] s_one = [1];
    private static readonly int[] s_oneAndMore = [1, 2];

    public static readonly IReadOnlyList<WorkloadEntry> All =
    [
        new("pair-16", "a program's shortest path: alloc, write, free", s_oneAndMore, threads => new Pair(16, threads)),
        new("pair-1024", "as pair-16", s_one, threads => new Pair(1024, threads)),
    ];

    public static WorkloadEntry Find(string name) => All.FirstOrDefault(entry => entry.Name == name)
        ?? throw new InputException($"'{name}' is not a workload. Known: {string.Join(", ", All.Select(entry => entry.Name))}.");
}
