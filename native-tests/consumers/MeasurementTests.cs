using System.Text.RegularExpressions;

namespace SpanHeap.Tests.Consumers;

/// <summary>The measurements run, with little work. What they measure then means nothing, and no test looks at it.</summary>
public sealed partial class MeasurementTests
{
    private static readonly string[] s_compared =
    [
        "pipe", "arrow-16: memory", "arrow-16: built", "arrow-16: gen-2 collections",
        "arrow-1000: memory", "arrow-1000: built", "arrow-1000: gen-2 collections",
        "arrow-ipc",
        "sqlite-memory", "sqlite-file", "ef34695: resident before", "ef34695: resident after", "lua", "image: CPU time", "image: resident later",
    ];

    private static readonly string[] s_others = ["c-pair", "meters"];

    [ConsumerFact]
    public void Each_row_has_a_figure_with_a_heap_and_one_to_compare_it_with()
    {
        string table = ConsumerPrograms.Run("measure", "--rounds", "1", "--scale", "0.01");
        (string Name, string Own, string Heap)[] rows =
            [.. Row().Matches(table).Select(static row => (row.Groups["name"].Value, row.Groups["own"].Value, row.Groups["heap"].Value))];

        Assert.Equal(["row", .. s_compared, .. s_others], rows.Select(static row => row.Name));
        Assert.All(rows.Where(static row => s_compared.Contains(row.Name)), static row =>
        {
            Assert.Matches(Figure(), row.Own);
            Assert.Matches(Figure(), row.Heap);
        });
        Assert.Matches(Figure(), rows[^1].Heap);
    }

    [GeneratedRegex(@"^\| (?<name>\w.*?) +\| +(?<own>.*?) \| +(?<heap>.*?) \|", RegexOptions.Multiline)]
    private static partial Regex Row();

    [GeneratedRegex(@"^\d+(\.\d)?( [A-Za-z]+)?$")]
    private static partial Regex Figure();
}
