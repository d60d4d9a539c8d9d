using SpanHeap.Perf.Reports;

namespace SpanHeap.Perf.Instructions;

/// <summary>The tables of the command: a row for each workload, a column for each allocator.</summary>
internal static class InstructionTable
{
    public static MarkdownTable Instructions(IReadOnlyList<InstructionRow> rows) =>
        Of(rows, "instructions per pair", static row => MarkdownTable.Number(row.InstructionsPerPair));

    public static MarkdownTable FirstLevelMisses(IReadOnlyList<InstructionRow> rows) =>
        Of(rows, "L1 data misses per pair", static row => Misses(row.FirstLevelMissesPerPair));

    public static MarkdownTable LastLevelMisses(IReadOnlyList<InstructionRow> rows) =>
        Of(rows, "last-level data misses per pair", static row => Misses(row.LastLevelMissesPerPair));

    private static MarkdownTable Of(IReadOnlyList<InstructionRow> rows, string heading, Func<InstructionRow, string> value)
    {
        string[] allocators = [.. rows.Select(static row => row.Allocator).Distinct()];
        var table = new MarkdownTable([$"<{heading}", .. allocators]);
        foreach (IGrouping<string, InstructionRow> workload in rows.GroupBy(static row => row.Workload))
        {
            table.Add([workload.Key, .. allocators.Select(allocator => Cell(workload.FirstOrDefault(row => row.Allocator == allocator)))]);
        }

        return table;

        string Cell(InstructionRow? row) => row is null ? "" : value(row);
    }

    // A few misses less than the loop has are none, and not a negative zero.
    private static string Misses(double? misses)
    {
        const int Digits = 2;
        return MarkdownTable.Ratio(misses is { } known ? Math.Round(known, Digits) + 0.0 : null);
    }
}
