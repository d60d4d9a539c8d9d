using System.IO.Enumeration;
using SpanHeap.Perf.CommandLine;
using SpanHeap.Perf.Traced.Workloads;

namespace SpanHeap.Perf.Traced;

/// <summary>Every program by its name on the command line.</summary>
internal static class TracedCatalog
{
    public static IReadOnlyList<TracedWorkload> All { get; } =
    [
        new BinaryTrees("binary-trees-18", 18),
        new BinaryTrees("binary-trees-20", 20),
    ];

    public static TracedWorkload Find(string name) =>
        All.FirstOrDefault(workload => workload.Name == name) ?? throw new InputException($"'{name}' is not a workload.");

    /// <summary>The workloads whose names fit one of the patterns, such as <c>binary*</c>; without patterns all.</summary>
    public static IReadOnlyList<TracedWorkload> Choose(IReadOnlyList<string>? patterns)
    {
        if (patterns is null)
            return All;
        foreach (string pattern in patterns.Where(pattern => !All.Any(workload => Fits(pattern, workload.Name))))
            throw new InputException($"'{pattern}' is not a workload of traced. Known: {string.Join(", ", All.Select(workload => workload.Name))}.");
        return [.. All.Where(workload => patterns.Any(pattern => Fits(pattern, workload.Name)))];
    }

    private static bool Fits(string pattern, string name) => FileSystemName.MatchesSimpleExpression(pattern, name);
}
