using SpanHeap.Perf.Reports;

namespace SpanHeap.Perf.Replay;

/// <summary>Results as the rows of a JSON report.</summary>
internal static class ReplayRows
{
    public static IReadOnlyList<ReportRow> Of(IReadOnlyList<ReplayResult> results, int rounds)
    {
        List<ReportRow> rows = [];
        foreach (IGrouping<TraceSummary, ReplayResult> group in results.GroupBy(result => result.Trace))
        {
            var peers = group.Where(result => result.Allocator.IsPeer).Select(result => result.Warm).ToArray();
            double? best = peers.Length > 0 ? peers.Min() : null;
            double? system = ReplayTable.SystemIn(group)?.Warm;
            rows.AddRange(group.Select(result => new ReportRow(
                Workload: result.Trace.Name,
                Allocator: result.Allocator.Name,
                Threads: 1,
                Rounds: rounds,
                NsPerOp: Round(result.Warm),
                NsMin: Round(result.WarmRounds.Min()),
                NsMax: Round(result.WarmRounds.Max()),
                NsCold: Round(result.Cold),
                PeakRssBytes: result.Peak.Bytes,
                VsBest: Round(result.Warm / best),
                VsSystem: Round(result.Warm / system))));
        }

        return rows;
    }

    private static double Round(double value) => Math.Round(value, 4);

    private static double? Round(double? value) => value is { } known ? Round(known) : null;
}
