using System.Globalization;
using System.Text.Json;
using SpanHeap.Perf.CommandLine;

namespace SpanHeap.Perf.Instructions;

/// <summary>What allocators took when a file was written, to be compared with what they take now.</summary>
internal sealed class InstructionBaseline
{
    public const string Option = "--baseline";

    /// <summary>The file that CI compares with.</summary>
    public const string Committed = "perf/results/instructions.json";

    private const double AllowedShare = 0.02;
    private const double LeastDifference = 1;

    private static readonly JsonSerializerOptions s_options = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    private readonly string _path;
    private readonly Dictionary<(string Workload, string Allocator), double> _instructions;

    private InstructionBaseline(string path, IEnumerable<InstructionRow> rows)
    {
        _path = path;
        _instructions = rows.ToDictionary(static row => (row.Workload, row.Allocator), static row => row.InstructionsPerPair);
    }

    /// <summary>Reads a file that the command wrote.</summary>
    /// <param name="path">Its path, for messages.</param>
    /// <param name="json">Its text.</param>
    /// <param name="architecture">The processor on which counts are to be compared.</param>
    /// <exception cref="InputException">The text is something else, or its counts are of another kind of processor.</exception>
    public static InstructionBaseline Parse(string path, string json, string architecture)
    {
        Report? report;
        try
        {
            report = JsonSerializer.Deserialize<Report>(json, s_options);
        }
        catch (JsonException wrong)
        {
            throw new InputException($"{Option} {path}: {wrong.Message}", wrong);
        }

        if (report?.Machine?.Architecture is not { } known || report.Rows is not { Count: > 0 } rows
            || rows.Any(static row => row?.Workload is null || row.Allocator is null || !(row.InstructionsPerPair > 0)))
        {
            throw new InputException($"{Option} {path}: this is no report of the instructions that allocators take.");
        }

        if (known != architecture)
        {
            throw new InputException($"{Option} {path}: its counts are of {known}, and cannot be compared with those of {architecture}.");
        }

        if (rows.GroupBy(static row => (row.Workload, row.Allocator)).FirstOrDefault(static group => group.Count() > 1) is { } twice)
        {
            throw new InputException($"{Option} {path}: {twice.Key.Workload} has two rows of {twice.Key.Allocator}.");
        }

        return new InstructionBaseline(path, rows);
    }

    /// <summary>Gets a sentence for each row that takes more than is allowed.</summary>
    /// <exception cref="InputException">The file has none of the rows, so nothing would be compared.</exception>
    public IReadOnlyList<string> Regressions(IReadOnlyCollection<InstructionRow> rows)
    {
        if (!rows.Any(row => _instructions.ContainsKey((row.Workload, row.Allocator))))
        {
            throw new InputException($"{Option} {_path}: it has none of the rows that were counted.");
        }

        return Sentences(rows, "more", static (before, now) => now - before);
    }

    /// <summary>Gets a sentence for each row that takes so much less that the file would let a loss of it pass.</summary>
    public IReadOnlyList<string> Gains(IReadOnlyCollection<InstructionRow> rows) => Sentences(rows, "less", static (before, now) => before - now);

    private List<string> Sentences(IReadOnlyCollection<InstructionRow> rows, string direction, Func<double, double, double> difference)
    {
        List<string> sentences = [];
        foreach (InstructionRow row in rows)
        {
            if (_instructions.TryGetValue((row.Workload, row.Allocator), out double before)
                && difference(before, row.InstructionsPerPair) is var change && change > AllowedShare * before && change >= LeastDifference)
            {
                sentences.Add(string.Create(CultureInfo.InvariantCulture,
                    $"{row.Workload}: {row.Allocator} takes {row.InstructionsPerPair:N1} instructions a pair, {change / before:P1} {direction} than the {before:N1} in {_path}."));
            }
        }

        return sentences;
    }

    private sealed record Report(MachineOfReport? Machine, IReadOnlyList<InstructionRow>? Rows);

    private sealed record MachineOfReport(string? Architecture);
}
