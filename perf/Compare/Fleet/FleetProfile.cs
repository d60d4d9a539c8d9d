using System.Globalization;
using SpanHeap.Perf.CommandLine;

namespace SpanHeap.Perf.Compare.Fleet;

/// <summary>The sizes of one of Google's services, read from a file of fleetbench: in each line a size, its rate and how many are live.</summary>
/// <param name="Sizes">All up to <see cref="MostBytes"/>.</param>
internal sealed record FleetProfile(IReadOnlyList<FleetSize> Sizes)
{
    /// <summary>Larger blocks are left out: one of them would be most of the heap that a row has, and it is allocated once in 30,000 times.</summary>
    public const double MostBytes = 4 << 20;

    public static FleetProfile Read(string path)
    {
        string[] lines;
        try
        {
            lines = File.ReadAllLines(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"{path}: {error.Message}", error);
        }

        List<FleetSize> sizes = [];
        for (int i = 0; i < lines.Length; i++)
        {
            if (lines[i].Length > 0 && Parse(lines[i], $"{path}:{i + 1}") is { } size)
            {
                sizes.Add(size);
            }
        }

        return sizes.Any(size => size is { Rate: > 0, Live: > 0 })
            ? new FleetProfile(sizes)
            : throw new InputException($"{path}: no size has a rate and live blocks.");
    }

    // Null for a size that is left out.
    private static FleetSize? Parse(string line, string where)
    {
        string[] parts = line.Split(',');
        if (parts.Length != 3)
        {
            throw new InputException($"{where}: '{line}' is not a size, a rate and a number of live blocks.");
        }

        double[] numbers = [.. parts.Select(part => Number(part, where))];
        return numbers[0] <= MostBytes ? new FleetSize((uint)numbers[0], numbers[1], numbers[2]) : null;
    }

    private static double Number(string text, string where) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) && double.IsFinite(number) && number >= 0
            ? number
            : throw new InputException($"{where}: '{text.Trim()}' is not a number from 0 on.");
}
