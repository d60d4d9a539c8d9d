using System.IO.Enumeration;
using SpanHeap.Perf.CommandLine;
using SpanHeap.Perf.Traced.Details;
using SpanHeap.Perf.Traced.Workloads;

namespace SpanHeap.Perf.Traced;

/// <summary>Every program by its name on the command line.</summary>
internal static class TracedCatalog
{
    // What the last numbers must be was found by models that keep everything in arrays of numbers and know no references.
    public static IReadOnlyList<TracedWorkload> All { get; } =
    [
        new BinaryTrees("binary-trees-18", 18),
        new BinaryTrees("binary-trees-20", 20),
        new GcBench("gcbench", 16, 500_000),
        new KeptList("list-10m", 10_000_000),
        new GraphRewiring("graph-rewiring", 1_000_000, 10_000_000, 8_087_708_214_755),
        new ListValues("list-values-10m", 10_000_000),
        new DictionaryValues("dictionary-10m", 10_000_000, DictionaryValues.Scattered),
        new DictionaryValues("dictionary-counted-10m", 10_000_000, 1),
        new LruCache("lru-2m", 2_000_000, 8_000_000, 4_431_714),
    ];

    /// <summary>Parts of traced memory by themselves.</summary>
    public static IReadOnlyList<HeapDetail> Details { get; } =
    [
        new SweepDead("sweep-dead-1k", 1000, 20),
        new SweepDead("sweep-dead-100k", 100_000, 20),
        new SweepDead("sweep-dead-10m", 10_000_000, 5),
        new SweepDead("sweep-dead-100m", 100_000_000, 2),
        new SweepSpans("sweep-span"),
        new AllocSmall("alloc-16"),
    ];

    public static TracedWorkload Find(string name) =>
        All.FirstOrDefault(workload => workload.Name == name) ?? throw new InputException($"'{name}' is not a workload.");

    public static HeapDetail FindDetail(string name) =>
        Details.FirstOrDefault(detail => detail.Name == name) ?? throw new InputException($"'{name}' is not a part of traced memory.");

    /// <summary>The programs and parts whose names fit one of the patterns, such as <c>binary*</c>; without patterns all.</summary>
    public static (IReadOnlyList<TracedWorkload> Workloads, IReadOnlyList<HeapDetail> Details) Choose(IReadOnlyList<string>? patterns)
    {
        if (patterns is null)
        {
            return (All, Details);
        }

        string[] known = [.. All.Select(workload => workload.Name), .. Details.Select(detail => detail.Name)];
        foreach (string pattern in patterns.Where(pattern => !known.Any(name => Fits(pattern, name))))
        {
            throw new InputException($"'{pattern}' is not a workload of traced. Known: {string.Join(", ", known)}.");
        }

        return ([.. All.Where(workload => IsWanted(workload.Name))], [.. Details.Where(detail => IsWanted(detail.Name))]);

        bool IsWanted(string name) => patterns.Any(pattern => Fits(pattern, name));
    }

    private static bool Fits(string pattern, string name) => FileSystemName.MatchesSimpleExpression(pattern, name);
}
