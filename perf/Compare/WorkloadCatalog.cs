using System.IO.Enumeration;
using SpanHeap.Perf.CommandLine;
using SpanHeap.Perf.Compare.Workloads;

namespace SpanHeap.Perf.Compare;

/// <summary>Every workload by its name on the command line, where it is from and with how many threads it makes sense.</summary>
internal static class WorkloadCatalog
{
    private static readonly int[] s_one = [1];
    private static readonly int[] s_oneAndTwo = [1, 2];

    public static readonly IReadOnlyList<WorkloadEntry> All =
    [
        new("pair-16", "alloc, write, free: a program's shortest path", s_oneAndTwo, threads => new Pair(16, threads)),
        new("pair-1024", "as pair-16", s_one, threads => new Pair(1024, threads)),
    ];

    /// <summary>The workload of a name or of a recording's path, as a child process is told it.</summary>
    public static WorkloadEntry Find(string key) => key.StartsWith(RecordedProgram.Prefix, StringComparison.Ordinal)
        ? RecordedProgram.Entry(key[RecordedProgram.Prefix.Length..])
        : All.FirstOrDefault(entry => entry.Name == key) ?? throw new InputException($"'{key}' is not a workload.");

    /// <summary>The workloads whose names fit one of the patterns, such as <c>pair*</c>; all of them without patterns.</summary>
    public static IReadOnlyList<WorkloadEntry> Choose(IReadOnlyList<string>? patterns, IEnumerable<WorkloadEntry> recordings)
    {
        WorkloadEntry[] known = [.. All, .. recordings];
        if (patterns is null)
            return known;
        foreach (string pattern in patterns.Where(pattern => !known.Any(entry => Fits(entry, pattern))))
            throw new InputException($"'{pattern}' is not a workload. Known: {string.Join(", ", known.Select(entry => entry.Name))}.");
        return [.. known.Where(entry => patterns.Any(pattern => Fits(entry, pattern)))];
    }

    private static bool Fits(WorkloadEntry entry, string pattern) => FileSystemName.MatchesSimpleExpression(pattern, entry.Name);
}
