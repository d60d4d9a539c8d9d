using SpanHeap.Perf.CommandLine;
using SpanHeap.Perf.Traced.Workloads;
using SpanHeap.Traced;

namespace SpanHeap.Perf.Traced;

/// <summary>A memory manager that finds garbage by itself.</summary>
/// <param name="Name">On the command line and in tables.</param>
/// <param name="OnlyTrees">Whether only the programs that are nothing but trees are written for it.</param>
internal sealed record TracedAllocator(string Name, bool OnlyTrees)
{
    public const string SpanHeap = "spanheap";

    /// <summary>SpanHeap with minor collections.</summary>
    public const string Generational = "spanheap-generational";

    /// <summary>SpanHeap whose scopes free what has not escaped from them.</summary>
    public const string Scopes = "spanheap-scopes";

    /// <summary>SpanHeap with <see cref="CollectionPriority.Latency"/>: its collections mark while threads go on.</summary>
    public const string Concurrent = "spanheap-concurrent";

    public const string Dotnet = "dotnet-gc";
    public const string Boehm = "boehm";
    public const string Go = "go";

    private static readonly TracedAllocator[] s_all =
        [new(SpanHeap, false), new(Generational, false), new(Scopes, false), new(Concurrent, false), new(Dotnet, false), new(Boehm, true), new(Go, true)];

    public bool Runs(TracedWorkload workload) => !OnlyTrees || workload.TreeDepth is not null;

    /// <summary>The named ones, or all, in the order given.</summary>
    public static IReadOnlyList<TracedAllocator> Choose(IReadOnlyList<string>? names) => names is null ? s_all : [.. names.Distinct().Select(Find)];

    /// <summary>The options of a heap of SpanHeap's by the name of the allocator; null for others.</summary>
    public static TracedHeapOptions? OptionsOf(string name) => name switch
    {
        SpanHeap => new TracedHeapOptions(),
        Generational => new TracedHeapOptions { Generational = true },
        Scopes => new TracedHeapOptions { FreeAtScopeEnd = true },
        Concurrent => new TracedHeapOptions { Priority = CollectionPriority.Latency },
        _ => null,
    };

    private static TracedAllocator Find(string name) => s_all.FirstOrDefault(allocator => allocator.Name == name) ?? throw new InputException(
        $"'{name}' is not an allocator of traced. Known: {string.Join(", ", s_all.Select(allocator => allocator.Name))}.");
}
