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

    public static MarkdownTable Of(IReadOnlyList<Bout> bouts, IReadOnlyList<AllocatorEntry> allocators)
    {
        var table = new MarkdownTable(
            "<geometric means", "rows", "time vs best", "worst", "<where", "time vs system", "cold vs system", $"peak vs {ReferenceForMemory}", "worst", "<where",
            "idle vs best");
        foreach (string allocator in allocators.Select(allocator => allocator.Name))
        {
            Ratio[] time = Ratios(bouts, allocator, cell => cell.Warm, bout => bout.BestPeer(peer => peer.Warm));
            Ratio[] peak = Ratios(bouts, allocator, Peak, bout => bout.Of(ReferenceForMemory) is { } cell ? Peak(cell) : null);
            table.Add(
                allocator, $"{time.Length}", Mean(time), Worst(time), WorstPlace(time),
                Mean(Ratios(bouts, allocator, cell => cell.Warm, bout => bout.Of(AllocatorCatalog.System)?.Warm)),
                Mean(Ratios(bouts, allocator, cell => cell.Cold, bout => bout.Of(AllocatorCatalog.System)?.Cold)),
                Mean(peak), Worst(peak), WorstPlace(peak),
                Mean(Ratios(bouts, allocator, Idle, bout => bout.BestPeer(Idle))));
        }

        return table;
    }

    private static double? Peak(Cell cell) => cell.PeakBytes is { } bytes ? Math.Max(bytes, LeastBytes) : null;

    private static double? Idle(Cell cell) => cell.IdleBytes is { } bytes ? Math.Max(bytes, LeastBytes) : null;

    private static Ratio[] Ratios(IEnumerable<Bout> bouts, string allocator, Func<Cell, double?> figure, Func<Bout, double?> reference) =>
    [
        .. from bout in bouts
           let cell = bout.Of(allocator)
           where cell is not null
           let value = figure(cell) / reference(bout)
           where value > 0
           select new Ratio(bout.Name, value.Value),
    ];

    private static string Mean(Ratio[] ratios) =>
        ratios.Length > 0 ? MarkdownTable.Ratio(Averages.GeometricMean(ratios.Select(ratio => ratio.Value))) : "";

    private static string Worst(Ratio[] ratios) => MarkdownTable.Ratio(ratios.MaxBy(ratio => ratio.Value)?.Value);

    private static string WorstPlace(Ratio[] ratios) => ratios.MaxBy(ratio => ratio.Value)?.Bout ?? "";

    private sealed record Ratio(string Bout, double Value);
}
