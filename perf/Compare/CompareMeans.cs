using SpanHeap.Perf.Allocators;
using SpanHeap.Perf.Measurement;
using SpanHeap.Perf.Reports;

namespace SpanHeap.Perf.Compare;

/// <summary>One row per allocator: geometric means of its ratios over all workloads, and the worst of them.</summary>
internal static class CompareMeans
{
    private const string ReferenceForMemory = "mimalloc";

    /// <summary>Below it a figure of memory says more of the runtime than of the allocator.</summary>
    private const double LeastBytes = 1 << 20;

    /// <summary>Above it blocks are nearly all of a peak; below it the pages of an allocator's code are a good part.</summary>
    private const double MuchBytes = 16 << 20;

    public static MarkdownTable Of(IReadOnlyList<Comparison> all, IReadOnlyList<AllocatorEntry> allocators)
    {
        Comparison[] comparisons = [.. all.Where(comparison => !comparison.Workload.StandsApart)];
        var table = new MarkdownTable(
            "<geometric means", "rows", "time vs best", "worst", "<where", "time vs system", "cold vs system", $"peak vs {ReferenceForMemory}", "worst", "<where",
            $"above {MuchBytes / (1 << 20)} MiB", "rows", "idle vs best");
        foreach (string allocator in allocators.Select(allocator => allocator.Name))
        {
            Ratio[] time = Ratios(comparisons, allocator, result => result.Warm, comparison => comparison.BestPeer(peer => peer.Warm));
            Ratio[] peak = Ratios(comparisons, allocator, Peak, ReferencePeak);
            Ratio[] muchPeak = Ratios(comparisons.Where(comparison => ReferencePeak(comparison) > MuchBytes), allocator, Peak, ReferencePeak);
            table.Add(
                allocator, $"{time.Length}", Mean(time), Worst(time), WorstPlace(time),
                Mean(Ratios(comparisons, allocator, result => result.Warm, comparison => comparison.Of(AllocatorCatalog.System)?.Warm)),
                Mean(Ratios(comparisons, allocator, result => result.Cold, comparison => comparison.Of(AllocatorCatalog.System)?.Cold)),
                Mean(peak), Worst(peak), WorstPlace(peak), Mean(muchPeak), muchPeak.Length > 0 ? $"{muchPeak.Length}" : "",
                Mean(Ratios(comparisons, allocator, Idle, comparison => comparison.BestPeer(Idle))));
        }

        return table;
    }

    private static double? Peak(CompareResult result) => result.PeakBytes is { } bytes ? Math.Max(bytes, LeastBytes) : null;

    private static double? ReferencePeak(Comparison comparison) => comparison.Of(ReferenceForMemory) is { } result ? Peak(result) : null;

    private static double? Idle(CompareResult result) => result.IdleBytes is { } bytes ? Math.Max(bytes, LeastBytes) : null;

    private static Ratio[] Ratios(
        IEnumerable<Comparison> comparisons, string allocator, Func<CompareResult, double?> figure, Func<Comparison, double?> reference) =>
    [
        .. from comparison in comparisons
           let result = comparison.Of(allocator)
           where result is not null
           let value = figure(result) / reference(comparison)
           where value > 0
           select new Ratio(comparison.Name, value.Value),
    ];

    private static string Mean(Ratio[] ratios) =>
        ratios.Length > 0 ? MarkdownTable.Ratio(Averages.GeometricMean(ratios.Select(ratio => ratio.Value))) : "";

    private static string Worst(Ratio[] ratios) => MarkdownTable.Ratio(ratios.MaxBy(ratio => ratio.Value)?.Value);

    private static string WorstPlace(Ratio[] ratios) => ratios.MaxBy(ratio => ratio.Value)?.Comparison ?? "";

    private sealed record Ratio(string Comparison, double Value);
}
