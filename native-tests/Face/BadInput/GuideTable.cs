using System.Text.RegularExpressions;

namespace SpanHeap.Tests.Face.BadInput;

/// <summary>The tables in the guide of bad input, whose lines tests try.</summary>
internal static partial class GuideTable
{
    // What stands between the table of manual memory and that of traced memory.
    private const string Between = "Traced memory.";

    /// <summary>Gets the first cells of the lines of the table of manual memory.</summary>
    public static string[] Manual => CellsOf(0);

    /// <summary>Gets the first cells of the lines of the table of traced memory.</summary>
    public static string[] Traced => CellsOf(1);

    /// <summary>Each line, with each kind of checks that the tables have a column for.</summary>
    public static TheoryData<string, HeapChecks> WithEachChecks(IEnumerable<string> lines)
    {
        TheoryData<string, HeapChecks> all = [];
        foreach (string line in lines)
        {
            all.Add(line, HeapChecks.Standard);
            all.Add(line, HeapChecks.Full);
        }

        return all;
    }

    private static string[] CellsOf(int part)
    {
        using Stream stream = typeof(GuideTable).Assembly.GetManifestResourceStream("bad-input.md")!;
        string text = new StreamReader(stream).ReadToEnd().Split(Between)[part];
        return [.. FirstCell().Matches(text).Select(static match => match.Groups[1].Value.Trim()).Where(static cell => cell is not ("" or "---"))];
    }

    [GeneratedRegex(@"^\|([^|]*)\|", RegexOptions.Multiline)]
    private static partial Regex FirstCell();
}
