using System.Globalization;
using SpanHeap.Perf.CommandLine;

namespace SpanHeap.Perf.Instructions;

/// <summary>Reads the file that callgrind writes about a process.</summary>
internal static class CallgrindOutput
{
    private const string Events = "events:";
    private const string Summary = "summary:";
    private const string Totals = "totals:";

    // Reads and writes are counted apart, and so are the first level of the cache and the last.
    private const string Instructions = "Ir";
    private static readonly string[] s_firstLevel = ["D1mr", "D1mw"];
    private static readonly string[] s_lastLevel = ["DLmr", "DLmw"];

    /// <summary>Gets what the whole process took.</summary>
    /// <param name="lines">The lines of the file.</param>
    /// <exception cref="InputException">The file has no counts, or fewer than it says.</exception>
    public static Counts Parse(IEnumerable<string> lines)
    {
        string[] events = [];
        long[]? counts = null;
        foreach (string line in lines)
        {
            if (line.StartsWith(Events, StringComparison.Ordinal))
            {
                events = Words(line, Events);
            }
            else if (line.StartsWith(Summary, StringComparison.Ordinal))
            {
                counts = Numbers(line, Summary);
            }
            else if (counts is null && line.StartsWith(Totals, StringComparison.Ordinal))
            {
                // Older versions write only this line, at the end.
                counts = Numbers(line, Totals);
            }
        }

        int instructions = Array.IndexOf(events, Instructions);
        if (counts is null || instructions < 0 || counts.Length > events.Length)
        {
            throw new InputException($"What callgrind wrote has no line '{Events} {Instructions} ...' with a line '{Summary} ...' of as many numbers.");
        }

        // Zeros at the end are left out.
        Array.Resize(ref counts, events.Length);
        return new Counts(counts[instructions], Sum(events, counts, s_firstLevel), Sum(events, counts, s_lastLevel));
    }

    private static double? Sum(string[] events, long[] counts, string[] names)
    {
        int[] places = [.. names.Select(name => Array.IndexOf(events, name))];
        return places.All(static place => place >= 0) ? places.Sum(place => counts[place]) : null;
    }

    private static string[] Words(string line, string label) => line[label.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries);

    private static long[] Numbers(string line, string label) => [.. Words(line, label).Select(word =>
        long.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out long number)
            ? number
            : throw new InputException($"What callgrind wrote has '{word}' in the line '{line}', where a number should be."))];
}
