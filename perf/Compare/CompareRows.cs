using SpanHeap.Perf.Allocators;
using SpanHeap.Perf.Reports;

namespace SpanHeap.Perf.Compare;

/// <summary>A comparison as the rows of a JSON report; what failed has none.</summary>
internal static class CompareRows
{
    public static IReadOnlyList<ReportRow> Of(IEnumerable<Comparison> comparisons) =>
    [
        .. from comparison in comparisons
           let best = comparison.BestPeer(peer => peer.Warm)
           let system = comparison.Of(AllocatorCatalog.System)?.Warm
           from result in comparison.Results
           where result.Warm is not null
           select new ReportRow(
               comparison.Workload.Name, result.Allocator.Name, comparison.Threads, result.WarmRounds.Count,
               Round(result.Warm!.Value), Round(result.WarmRounds.Min()), Round(result.WarmRounds.Max()), Round(result.Cold),
               result.PeakBytes, Round(result.Warm / best), Round(result.Warm / system))
           {
               IdleRssBytes = result.IdleBytes,
           },
    ];

    private static double Round(double value) => Math.Round(value, 4);

    private static double? Round(double? value) => value is { } known ? Round(known) : null;
}
