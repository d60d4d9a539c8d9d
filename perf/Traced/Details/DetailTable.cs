using System.Globalization;
using SpanHeap.Perf.Reports;

namespace SpanHeap.Perf.Traced.Details;

/// <summary>The parts of traced memory: a row for each figure in the printed table, a row for each part in the file.</summary>
internal static class DetailTable
{
    public static MarkdownTable Of(IReadOnlyList<DetailResult> results)
    {
        var table = new MarkdownTable("<part of spanheap", "<figure", "median", "least", "most");
        foreach (DetailResult result in results)
        {
            foreach (string figure in result.Figures)
            {
                table.Add(
                    result.Name, figure, Number(result.Median(figure)), Number(result.RoundsOf(figure).Min()), Number(result.RoundsOf(figure).Max()));
            }
        }

        return table;
    }

    public static IEnumerable<TracedRow> Rows(IReadOnlyList<DetailResult> results, int rounds) => results.Select(result =>
        new TracedRow(result.Name, TracedAllocator.SpanHeap, 1, rounds)
        {
            Figures = result.Figures.ToDictionary(figure => figure, figure => Math.Round(result.Median(figure), 3)),
        });

    private static string Number(double value) => value.ToString(value < 100 ? "F2" : "N0", CultureInfo.InvariantCulture);
}
