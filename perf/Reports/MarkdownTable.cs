using System.Globalization;
using System.Text;

namespace SpanHeap.Perf.Reports;

/// <summary>A table in Markdown with aligned columns. A heading that begins with '&lt;' is aligned to the left.</summary>
internal sealed class MarkdownTable
{
    private readonly bool[] _left;
    private readonly List<string[]> _rows = [];

    public MarkdownTable(params string[] headings)
    {
        _left = [.. headings.Select(heading => heading.StartsWith('<'))];
        _rows.Add([.. headings.Select(heading => heading.TrimStart('<'))]);
    }

    public static string Number(double? value) => value?.ToString("N1", CultureInfo.InvariantCulture) ?? "";

    /// <summary>Three digits or so, as many as a measurement can tell apart.</summary>
    public static string Nanoseconds(double? value) =>
        value?.ToString(value switch { < 10 => "F2", < 100 => "F1", _ => "N0" }, CultureInfo.InvariantCulture) ?? "";

    public static string Ratio(double? value) => value?.ToString("F2", CultureInfo.InvariantCulture) ?? "";

    public static string Mebibytes(long? bytes) => Number(bytes / (1024.0 * 1024));

    public void Add(params string[] cells) => _rows.Add(cells);

    public override string ToString()
    {
        int[] widths = [.. Enumerable.Range(0, _left.Length).Select(column => _rows.Max(row => row[column].Length))];
        var text = new StringBuilder();
        for (int i = 0; i < _rows.Count; i++)
        {
            AppendRow(text, _rows[i], widths);
            if (i == 0)
            {
                AppendRow(text, [.. widths.Select((width, column) => Rule(width, _left[column]))], widths);
            }
        }

        return text.ToString();
    }

    private static string Rule(int width, bool left) => left ? new string('-', width) : new string('-', width - 1) + ':';

    private void AppendRow(StringBuilder text, string[] cells, int[] widths)
    {
        for (int column = 0; column < cells.Length; column++)
        {
            string cell = cells[column];
            text.Append("| ").Append(_left[column] ? cell.PadRight(widths[column]) : cell.PadLeft(widths[column])).Append(' ');
        }

        text.Append('|').AppendLine();
    }
}
