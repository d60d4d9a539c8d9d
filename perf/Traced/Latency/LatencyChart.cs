using System.Globalization;
using SpanHeap.Perf.Reports;

namespace SpanHeap.Perf.Traced.Latency;

/// <summary>
/// Draws pauses and slow operations over time, a panel for each contender: what came when, and how long it took, on a scale of powers of ten.
/// </summary>
internal sealed class LatencyChart
{
    private const int HeaderHeight = 58;
    private const int PanelHeight = 110;
    private const int PanelGap = 26;
    private const int LabelWidth = 52;
    private const int FooterHeight = 30;

    // Milliseconds. What is shorter than the first is not drawn, and what is longer than the last is drawn at the edge.
    private const double Shortest = 0.1;
    private const int Decades = 5;

    // Middle tones, to be told apart on white and on black.
    private const string PauseColour = "#e3872d";
    private static readonly (SlowCause Cause, string Colour, string Text)[] s_causes =
    [
        (SlowCause.Preempted, "#8b949e", "slow operation, preempted by the system"),
        (SlowCause.Waited, "#1f6feb", "waited"),
        (SlowCause.Ran, "#cf222e", "ran"),
    ];

    private static readonly string[] s_style =
    [
        ".paper{fill:#fff;stroke:#d0d7de}.title{font:600 15px sans-serif;fill:#1f2328}.text{font:11px sans-serif;fill:#59636e}.name{font:600 12px sans-serif;fill:#1f2328}.grid{stroke:#d0d7de;stroke-width:1}",
        "@media(prefers-color-scheme:dark){.paper{fill:#0d1117;stroke:#30363d}.title,.name{fill:#f0f6fc}.text{fill:#9198a1}.grid{stroke:#30363d}}",
    ];

    private readonly LatencySetting _setting;
    private readonly int _height;
    private readonly SvgPage _page;

    private LatencyChart(LatencySetting setting, int panels)
    {
        _setting = setting;
        _height = HeaderHeight + (panels * (PanelHeight + PanelGap)) + FooterHeight;
        _page = new SvgPage($"Pauses and slow operations: {setting.Threads} threads, {setting.LiveMebibytes} MiB live", _height, s_style);
    }

    public static string Of(IReadOnlyList<LatencyResult> results, LatencySetting setting) => new LatencyChart(setting, results.Count).Write(results);

    private string Write(IReadOnlyList<LatencyResult> results)
    {
        WriteLegend();
        for (int i = 0; i < results.Count; i++)
        {
            WritePanel(results[i], HeaderHeight + (i * (PanelHeight + PanelGap)));
        }

        WriteSeconds(_height - FooterHeight + 8);
        return _page.End();
    }

    private void WriteLegend()
    {
        const int CharacterWidth = 6;
        double left = SvgPage.Margin;
        foreach ((string colour, string text) in s_causes.Select(cause => (cause.Colour, cause.Text)).Prepend((PauseColour, "pause of all threads")))
        {
            _page.Line($"""<circle cx="{SvgPage.Number(left + 4)}" cy="40" r="4" fill="{colour}"/><text class="text" x="{SvgPage.Number(left + 12)}" y="44">{text}</text>""");
            left += 30 + (text.Length * CharacterWidth);
        }
    }

    private void WritePanel(LatencyResult result, int top)
    {
        string facts = string.Create(
            CultureInfo.InvariantCulture,
            $"p99.9 {result.Microseconds(0.999):n0} us, longest operation {result.Run.LongestMs:n1} ms, longest pause {result.LongestPauseMs:n1} ms");
        _page.Line($"""<text class="name" x="{SvgPage.Margin}" y="{top + 12}">{SvgPage.Escape(result.Contender.Name)}</text><text class="text" x="{SvgPage.Margin + 160}" y="{top + 12}">{facts}</text>""");
        for (int decade = 0; decade <= Decades; decade++)
        {
            double milliseconds = Shortest * Math.Pow(10, decade);
            double y = Y(milliseconds, top);
            _page.Line($"""<line class="grid" x1="{SvgPage.Margin + LabelWidth}" x2="{SvgPage.Width - SvgPage.Margin}" y1="{SvgPage.Number(y)}" y2="{SvgPage.Number(y)}"/><text class="text" x="{SvgPage.Margin + LabelWidth - 6}" y="{SvgPage.Number(y + 4)}" text-anchor="end">{Text(milliseconds)}</text>""");
        }

        foreach ((SlowCause cause, string colour, _) in s_causes)
        {
            WritePoints(result.Run.Slow.Where(operation => operation.Cause == cause).Select(operation => (operation.AtMs, operation.Ms)), top, 1.5, colour);
        }

        WritePoints(result.Run.Pauses.Select(pause => (pause.AtMs, pause.Ms)), top, 2.5, PauseColour);
    }

    // One path for all points of a kind: circles of their own would make a large file. Points that fall on one another are drawn once.
    private void WritePoints(IEnumerable<(double AtMs, double Ms)> points, int top, double radius, string colour)
    {
        IEnumerable<(double X, double Y)> places = points.Where(point => point.Ms >= Shortest)
            .Select(point => (Math.Round(X(point.AtMs)), Math.Round(Y(point.Ms, top)))).Distinct();
        string path = string.Concat(places.Select(place => $"M{SvgPage.Number(place.X)} {SvgPage.Number(place.Y)}h0"));
        if (path.Length > 0)
        {
            _page.Line($"""<path d="{path}" stroke="{colour}" stroke-width="{SvgPage.Number(radius * 2)}" stroke-linecap="round" fill="none"/>""");
        }
    }

    private void WriteSeconds(int y)
    {
        const int Marks = 5;
        for (int mark = 0; mark <= Marks; mark++)
        {
            double seconds = (double)_setting.Seconds * mark / Marks;
            _page.Line($"""<text class="text" x="{SvgPage.Number(X(seconds * 1000))}" y="{y}" text-anchor="{(mark == Marks ? "end" : "middle")}">{SvgPage.Number(seconds)} s</text>""");
        }
    }

    private double X(double milliseconds)
    {
        int width = SvgPage.Width - (2 * SvgPage.Margin) - LabelWidth;
        return SvgPage.Margin + LabelWidth + (Math.Clamp(milliseconds / (_setting.Seconds * 1000.0), 0, 1) * width);
    }

    private static double Y(double milliseconds, int top)
    {
        const int NameHeight = 20;
        double decades = Math.Clamp(Math.Log10(milliseconds / Shortest), 0, Decades);
        return top + PanelHeight - (decades / Decades * (PanelHeight - NameHeight));
    }

    private static string Text(double milliseconds) => milliseconds >= 1000
        ? string.Create(CultureInfo.InvariantCulture, $"{milliseconds / 1000:0} s")
        : string.Create(CultureInfo.InvariantCulture, $"{milliseconds:0.#} ms");
}
