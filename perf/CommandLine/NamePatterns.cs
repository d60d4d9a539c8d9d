using System.IO.Enumeration;

namespace SpanHeap.Perf.CommandLine;

/// <summary>Workloads as the command line names them: with patterns such as <c>pair*</c>.</summary>
internal static class NamePatterns
{
    /// <summary>Gets the workloads whose names fit one of the patterns, in the order of those known.</summary>
    /// <exception cref="InputException">No workload fits a pattern. The message has all names, and the advice after them.</exception>
    public static IReadOnlyList<T> Choose<T>(IReadOnlyList<T> known, Func<T, string> name, IReadOnlyList<string> patterns, string advice = "")
    {
        foreach (string pattern in patterns.Where(pattern => !known.Any(one => Fits(name(one), pattern))))
        {
            throw new InputException($"'{pattern}' is not a workload. Known: {string.Join(", ", known.Select(name))}.{advice}");
        }

        return [.. known.Where(one => patterns.Any(pattern => Fits(name(one), pattern)))];
    }

    private static bool Fits(string name, string pattern) => FileSystemName.MatchesSimpleExpression(pattern, name);
}
