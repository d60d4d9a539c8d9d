using SpanHeap.Perf.Allocators;
using SpanHeap.Perf.Reports;

namespace SpanHeap.Perf.CBaseline;

/// <summary>Results as the rows of a JSON report. What is best and what is system are those of C.</summary>
internal static class BaselineRows
{
    public static IReadOnlyList<ReportRow> Of(IReadOnlyList<BaselineResult> results)
    {
        List<ReportRow> rows = [];
        foreach (IGrouping<BaselineWorkload, BaselineResult> group in results.GroupBy(result => result.Workload))
        {
            double best = BaselineTable.BestOfC(group);
            double? system = group.FirstOrDefault(result => result.InC && result.Allocator.Name == AllocatorCatalog.System)?.Median;
            rows.AddRange(group.Select(result => new ReportRow(
                Workload: group.Key.Name,
                Allocator: result.Name,
                Threads: 1,
                Rounds: result.Rounds.Count,
                NsPerOp: Round(result.Median),
                NsMin: Round(result.Rounds.Min()),
                NsMax: Round(result.Rounds.Max()),
                NsCold: null,
                PeakRssBytes: null,
                VsBest: Round(result.Median / best),
                VsSystem: system is { } known ? Round(result.Median / known) : null)));
        }

        return rows;
    }

    private static double Round(double value) => Math.Round(value, 4);
}
