using SpanHeap.Perf.Reports;

namespace SpanHeap.Perf.Traced;

/// <summary>A row for each program and memory manager.</summary>
internal static class TracedTable
{
    public static MarkdownTable Of(IReadOnlyList<TracedResult> results)
    {
        var table = new MarkdownTable(
            "<program", "<memory", "wall s", "CPU s", "collections", "pause max ms", "p99.9 ms", ".NET pauses ms", ".NET max ms", "peak MiB", "wall / .NET", "CPU / .NET", "peak / .NET");
        foreach (TracedRow row in TracedRows.Of(results, 0))
        {
            table.Add(
                row.Workload, row.Allocator, MarkdownTable.Ratio(row.WallS), MarkdownTable.Ratio(row.CpuS), $"{row.Collections:F0}",
                OrDash(row.PauseMaxMs), OrDash(row.PauseP999Ms), OrDash(row.DotnetPauseTotalMs), OrDash(row.DotnetPauseMaxMs), MarkdownTable.Mebibytes(row.PeakRssBytes),
                MarkdownTable.Ratio(row.VsDotnet), MarkdownTable.Ratio(row.VsDotnetCpu), MarkdownTable.Ratio(row.VsDotnetPeak));
        }

        return table;
    }

    private static string OrDash(double? value) => value is null ? "-" : MarkdownTable.Ratio(value);
}
