using SpanHeap.Perf.Measurement;
using SpanHeap.Perf.Reports;

namespace SpanHeap.Perf.CBaseline;

/// <summary>A row for each workload, a column for each allocator, and how C# stands to the best of C.</summary>
internal static class BaselineTable
{
    public static MarkdownTable Of(IReadOnlyList<BaselineResult> results)
    {
        BaselineResult[][] rows = [.. results.GroupBy(result => result.Workload).Select(group => group.ToArray())];
        BaselineResult[] managed = [.. rows[0].Where(result => !result.InC)];
        var table = new MarkdownTable(
            ["<ns/op", .. rows[0].Select(result => result.Name), .. managed.Select(result => $"{result.Name} / best C")]);
        foreach (BaselineResult[] row in rows)
        {
            table.Add(
            [
                row[0].Workload.Name,
                .. row.Select(result => MarkdownTable.Number(result.Median)),
                .. row.Where(result => !result.InC).Select(result => MarkdownTable.Ratio(result.Median / BestOfC(row))),
            ]);
        }

        table.Add(
        [
            "geometric mean",
            .. rows[0].Select(_ => ""),
            .. managed.Select((_, column) => MarkdownTable.Ratio(
                Averages.GeometricMean(rows.Select(row => row[column].Median / BestOfC(row))))),
        ]);
        return table;
    }

    public static double BestOfC(IEnumerable<BaselineResult> results) => results.Where(result => result.InC).Min(result => result.Median);
}
