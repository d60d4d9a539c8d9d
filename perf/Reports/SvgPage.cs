using System.Globalization;
using System.Net;
using System.Text;

namespace SpanHeap.Perf.Reports;

/// <summary>
/// A picture at the width of a README, as lines of SVG. It has a background of its own, light or dark as the reader prefers, so that it can be read on
/// any page.
/// </summary>
internal sealed class SvgPage
{
    public const int Width = 830;
    public const int Margin = 14;

    private readonly StringBuilder _svg = new();

    /// <summary>Begins a picture with its background and its title.</summary>
    /// <param name="title">The title.</param>
    /// <param name="height">The height of the picture.</param>
    /// <param name="style">The style sheet, of which the classes <c>paper</c> and <c>title</c> are used here.</param>
    public SvgPage(string title, int height, IEnumerable<string> style)
    {
        Line($"""<svg xmlns="http://www.w3.org/2000/svg" width="{Width}" height="{height}" viewBox="0 0 {Width} {height}" role="img">""");
        Line($"<title>{Escape(title)}</title>");
        Line("<style>");
        foreach (string line in style)
        {
            Line(line);
        }

        Line("</style>");
        Line($"""<rect class="paper" x="0.5" y="0.5" width="{Width - 1}" height="{height - 1}" rx="6"/>""");
        Line($"""<text class="title" x="{Margin}" y="24">{Escape(title)}</text>""");
    }

    public static string Number(double value) => value.ToString("0.#", CultureInfo.InvariantCulture);

    public static string Escape(string text) => WebUtility.HtmlEncode(text);

    public void Line(string text) => _svg.Append(text).Append('\n');

    /// <summary>Ends the picture, and gets all of it.</summary>
    public string End()
    {
        Line("</svg>");
        return _svg.ToString();
    }
}
