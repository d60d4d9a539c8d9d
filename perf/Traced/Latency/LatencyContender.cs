using SpanHeap.Perf.CommandLine;

namespace SpanHeap.Perf.Traced.Latency;

/// <summary>A memory manager with its settings, as <c>traced latency</c> compares them.</summary>
/// <param name="Name">On the command line and in tables.</param>
/// <param name="Environment">Variables of its process.</param>
internal sealed record LatencyContender(string Name, params (string Name, string Value)[] Environment)
{
    public const string SpanHeap = TracedAllocator.SpanHeap;
    public const string Go = TracedAllocator.Go;

    /// <summary>.NET's collector with <see cref="System.Runtime.GCLatencyMode.SustainedLowLatency"/>.</summary>
    public const string SustainedLowLatency = "dotnet-gc-low-latency";

    private static readonly LatencyContender[] s_all =
    [
        new(SpanHeap),
        new(TracedAllocator.Concurrent),
        new(TracedAllocator.Dotnet, ("DOTNET_gcConcurrent", "1")),
        new("dotnet-gc-blocking", ("DOTNET_gcConcurrent", "0")),
        new(SustainedLowLatency, ("DOTNET_gcConcurrent", "1")),
        new(Go),
    ];

    /// <summary>The named ones, or all, in the order given.</summary>
    public static IReadOnlyList<LatencyContender> Choose(IReadOnlyList<string>? names) => names is null ? s_all : [.. names.Distinct().Select(Find)];

    private static LatencyContender Find(string name) => s_all.FirstOrDefault(contender => contender.Name == name) ?? throw new InputException(
        $"'{name}' is not an allocator of traced latency. Known: {string.Join(", ", s_all.Select(contender => contender.Name))}.");
}
