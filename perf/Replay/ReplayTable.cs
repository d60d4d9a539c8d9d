using SpanHeap.Perf.Allocators;
using SpanHeap.Perf.Measurement;
using SpanHeap.Perf.Reports;

namespace SpanHeap.Perf.Replay;

/// <summary>The table of a replay: each trace, all together, and the geometric mean of the ratios.</summary>
internal static class ReplayTable
{
    public static MarkdownTable Of(IReadOnlyList<ReplayResult> results)
    {
        var table = new MarkdownTable(
            "<trace", "<allocator", "ns/op", "min", "max", "ratio", "cold ns/op", "ratio", "peak MiB", "ratio");
        foreach (IGrouping<TraceSummary, ReplayResult> trace in results.GroupBy(result => result.Trace))
        {
            ReplayResult? system = SystemIn(trace);
            foreach (ReplayResult result in trace)
            {
                table.Add(Row(trace.Key.Name, Total.Of([result]), system is null ? null : Total.Of([system])));
            }
        }

        AddTotals(table, results);
        return table;
    }

    public static ReplayResult? SystemIn(IEnumerable<ReplayResult> results) =>
        results.FirstOrDefault(result => result.Allocator.Name == AllocatorCatalog.System);

    private static void AddTotals(MarkdownTable table, IReadOnlyList<ReplayResult> results)
    {
        ReplayResult[][] byAllocator = [.. results.GroupBy(result => result.Allocator.Name).Select(group => group.ToArray())];
        ReplayResult[]? system = byAllocator.FirstOrDefault(all => all[0].Allocator.Name == AllocatorCatalog.System);
        foreach (ReplayResult[] all in byAllocator)
        {
            table.Add(Row("total", Total.Of(all), system is null ? null : Total.Of(system)));
        }

        if (system is null)
        {
            return;
        }

        foreach (ReplayResult[] all in byAllocator.Where(all => all != system))
        {
            table.Add(GeometricMeans(all, system));
        }
    }

    private static string[] Row(string name, Total it, Total? system) =>
    [
        name, it.Allocator,
        MarkdownTable.Number(it.Warm), MarkdownTable.Number(it.WarmMin), MarkdownTable.Number(it.WarmMax),
        MarkdownTable.Ratio(it.Warm / system?.Warm),
        MarkdownTable.Number(it.Cold), MarkdownTable.Ratio(it.Cold / system?.Cold),
        MarkdownTable.Mebibytes(it.PeakBytes), MarkdownTable.Ratio((double?)it.PeakBytes / system?.PeakBytes),
    ];

    private static string[] GeometricMeans(ReplayResult[] all, ReplayResult[] system)
    {
        string Mean(Func<ReplayResult, double?> value)
        {
            double?[] ratios = [.. all.Zip(system, (one, other) => value(one) / value(other))];
            return ratios.All(ratio => ratio > 0)
                ? MarkdownTable.Ratio(Averages.GeometricMean(ratios.Select(ratio => ratio!.Value)))
                : "";
        }

        return
        [
            "geometric mean", all[0].Allocator.Name,
            "", "", "", Mean(result => result.Warm), "", Mean(result => result.Cold), "", Mean(result => result.Peak.Bytes),
        ];
    }

    /// <summary>One or several traces taken as one program.</summary>
    private sealed record Total(string Allocator, double Warm, double WarmMin, double WarmMax, double Cold, long? PeakBytes)
    {
        public static Total Of(ReplayResult[] results)
        {
            double operations = results.Sum(result => (double)result.Trace.Operations);
            double PerOperation(Func<ReplayResult, double> ns) => results.Sum(result => ns(result) * result.Trace.Operations) / operations;
            return new Total(
                results[0].Allocator.Name,
                PerOperation(result => result.Warm),
                PerOperation(result => result.WarmRounds.Min()),
                PerOperation(result => result.WarmRounds.Max()),
                results.Sum(result => result.Cold * result.ColdOperations) / results.Sum(result => (double)result.ColdOperations),
                results.All(result => result.Peak.Bytes is not null) ? results.Sum(result => result.Peak.Bytes) : null);
        }
    }
}
