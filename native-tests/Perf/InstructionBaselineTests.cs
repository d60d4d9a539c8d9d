using SpanHeap.Perf.CommandLine;
using SpanHeap.Perf.Instructions;

namespace SpanHeap.Tests.Perf;

/// <summary>Counts of instructions are compared with a file: more than two hundredths and at least one instruction above it is too much.</summary>
public sealed class InstructionBaselineTests
{
    private const string Before = """
        {
          "machine": { "cpu": "any", "architecture": "x64" },
          "fresh_build": "native-aot",
          "rows": [
            { "workload": "pair-64", "allocator": "spanheap", "instructions_per_pair": 80 },
            { "workload": "random", "allocator": "spanheap", "instructions_per_pair": 200 },
            { "workload": "growth", "allocator": "spanheap", "instructions_per_pair": 10, "first_level_misses_per_pair": 0.5 }
          ]
        }
        """;

    [Theory]
    [InlineData("random", 200)]
    [InlineData("random", 204)]
    [InlineData("random", 150)]
    // More than two hundredths, but less than an instruction.
    [InlineData("growth", 10.9)]
    public void A_row_that_takes_little_more_is_no_regression(string workload, double instructions) => Assert.Empty(Regressions((workload, instructions)));

    [Theory]
    [InlineData("random", 204.1)]
    [InlineData("growth", 11)]
    [InlineData("pair-64", 800)]
    public void A_row_that_takes_more_is_named(string workload, double instructions)
    {
        string regression = Assert.Single(Regressions(("random", 200), ("pair-64", 80), (workload, instructions)));
        Assert.StartsWith(FormattableString.Invariant($"{workload}: spanheap takes {instructions:N1} instructions a pair, "), regression, StringComparison.Ordinal);
        Assert.EndsWith(" in counts.json.", regression, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(196, 0)]
    [InlineData(204.1, 0)]
    [InlineData(195.9, 1)]
    public void A_row_that_takes_much_less_is_told_so_that_the_file_is_written_again(double instructions, int gains) =>
        Assert.Equal(gains, Baseline.Gains([new InstructionRow("random", "spanheap", instructions)]).Count);

    [Fact]
    public void A_row_that_is_new_is_not_compared() => Assert.Empty(Regressions(("random", 200), ("new", 1000)));

    [Fact]
    public void Rows_that_are_all_new_are_an_error_because_nothing_would_be_compared() =>
        Assert.Throws<InputException>(() => Regressions(("new", 1000)));

    [Fact]
    public void Counts_of_another_processor_are_refused() =>
        Assert.Contains("arm64", Assert.Throws<InputException>(() => InstructionBaseline.Parse("counts.json", Before, "arm64")).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("""{ "machine": { "architecture": "x64" }, "rows": [] }""")]
    [InlineData("""{ "machine": { "architecture": "x64" }, "rows": [ null ] }""")]
    [InlineData("""{ "machine": { "architecture": "x64" }, "rows": [ { "workload": "pair-64", "allocator": "spanheap", "ns_per_op": 3 } ] }""")]
    [InlineData("""{ "machine": { "architecture": "x64" }, "rows": [ { "workload": "a", "allocator": "b", "instructions_per_pair": 1 }, { "workload": "a", "allocator": "b", "instructions_per_pair": 2 } ] }""")]
    public void Other_files_are_refused_by_their_names(string json) =>
        Assert.Contains("counts.json", Assert.Throws<InputException>(() => InstructionBaseline.Parse("counts.json", json, "x64")).Message, StringComparison.Ordinal);

    private static InstructionBaseline Baseline => InstructionBaseline.Parse("counts.json", Before, "x64");

    private static IReadOnlyList<string> Regressions(params (string Workload, double Instructions)[] rows) =>
        Baseline.Regressions([.. rows.Select(static row => new InstructionRow(row.Workload, "spanheap", row.Instructions))]);
}
