using SpanHeap.Perf.Allocators;
using SpanHeap.Perf.Reports;

namespace SpanHeap.Perf.Compare;

/// <summary>A comparison as the rows of a JSON report; what failed has none.</summary>
internal static class CompareRows
{
    public static IReadOnlyList<ReportRow> Of(IEnumerable<Bout> bouts, int rounds) =>
    [
        .. from bout in bouts
           let best = bout.BestPeer(peer => peer.Warm)
           let system = bout.Of(AllocatorCatalog.System)?.Warm
           from cell in bout.Cells
           where cell.Warm is not null
           select new ReportRow(
               bout.Workload.Name, cell.Allocator.Name, bout.Threads, rounds,
               Round(cell.Warm!.Value), Round(cell.WarmRounds.Min()), Round(cell.WarmRounds.Max()), Round(cell.Cold),
               cell.PeakBytes, Round(cell.Warm / best), Round(cell.Warm / system))
           {
               IdleRssBytes = cell.IdleBytes,
           },
    ];

    private static double Round(double value) => Math.Round(value, 4);

    private static double? Round(double? value) => value is { } known ? Round(known) : null;
}
