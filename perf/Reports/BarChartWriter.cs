using System.Globalization;

namespace SpanHeap.Perf.Reports;

/// <summary>Draws a <see cref="BarChart"/>.</summary>
internal sealed class BarChartWriter
{
    private const int MostGroupsInOneColumn = 12;
    private const int ColumnGap = 18;
    private const int NameWidth = 112;
    private const int BarPitch = 10;
    private const int BarHeight = 9;
    private const int GroupGap = 9;
    private const int HeaderHeight = 62;
    private const int AxisHeight = 20;
    private const int LegendCharacterWidth = 7;

    /// <summary>Longer bars are cut off here; their label tells how long they would be.</summary>
    private const double AxisEnd = 2.5;
    private const double AxisStep = 0.5;

    /// <summary>What a label at the end of a bar needs.</summary>
    private const int LabelWidth = 30;

    private readonly BarChart _chart;
    private readonly SvgPage _page;
    private readonly int _columns;
    private readonly int _columnWidth;
    private readonly int _rows;
    private readonly int[] _tops;

    private BarChartWriter(BarChart chart)
    {
        _chart = chart;
        _columns = chart.Groups.Count > MostGroupsInOneColumn ? 2 : 1;
        _columnWidth = (SvgPage.Width - (2 * SvgPage.Margin) - ((_columns - 1) * ColumnGap)) / _columns;
        _rows = (chart.Groups.Count + _columns - 1) / _columns;
        _tops = new int[chart.Groups.Count];
        BarsBottom = HeaderHeight;
        for (int i = 0, bottom = 0; i < _tops.Length; i++)
        {
            _tops[i] = i % _rows == 0 ? HeaderHeight : bottom;
            bottom = _tops[i] + BarsHeight(chart.Groups[i]) + GroupGap;
            BarsBottom = Math.Max(BarsBottom, bottom);
        }

        _page = new SvgPage(chart.Title, BarsBottom + AxisHeight + SvgPage.Margin, StyleOf(chart));
    }

    private double UnitWidth => (_columnWidth - NameWidth - LabelWidth) / AxisEnd;

    private int BarsBottom { get; }

    public static string Write(BarChart chart) => new BarChartWriter(chart).Write();

    private string Write()
    {
        WriteLegend();
        for (int column = 0; column < _columns; column++)
        {
            WriteAxis(Left(column));
        }

        for (int i = 0; i < _chart.Groups.Count; i++)
        {
            WriteGroup(_chart.Groups[i], Left(i / _rows), _tops[i]);
        }

        return _page.End();
    }

    // A group has no gaps where values are missing.
    private static int BarsHeight(BarGroup group) => Math.Max(1, group.Values.Count(value => value is not null)) * BarPitch;

    private int Left(int column) => SvgPage.Margin + (column * (_columnWidth + ColumnGap));

    private static IEnumerable<string> StyleOf(BarChart chart) =>
    [
        "text { font-family: -apple-system, 'Segoe UI', 'DejaVu Sans', Helvetica, Arial, sans-serif; font-size: 11px; fill: #24292f; }",
        ".title { font-size: 14px; font-weight: 600; } .name { text-anchor: end; } .label { font-size: 9px; stroke: #ffffff; stroke-width: 2px; paint-order: stroke; } .first { font-weight: 700; }",
        ".tick { font-size: 10px; text-anchor: middle; fill: #57606a; } .paper { fill: #ffffff; stroke: #d0d7de; }",
        ".grid { stroke: #d8dee4; } .one { stroke: #57606a; stroke-dasharray: 3 2; } .mark { stroke: #111111; stroke-width: 2; }",
        .. chart.Series.Select((series, i) => $".s{i} {{ fill: {series.Colour}; }}"),
        "@media (prefers-color-scheme: dark) {",
        "text { fill: #e6edf3; } .label { stroke: #0d1117; } .tick { fill: #9198a1; } .paper { fill: #0d1117; stroke: #30363d; }",
        ".grid { stroke: #262c36; } .one { stroke: #9198a1; } .mark { stroke: #f0f6fc; } }",
    ];

    private void WriteLegend()
    {
        int x = SvgPage.Margin;
        for (int i = 0; i < _chart.Series.Count; i++)
        {
            _page.Line($"""<rect class="s{i}" x="{x}" y="36" width="10" height="10" rx="1"/>""");
            x = WriteLegendText(x, _chart.Series[i].Name);
        }

        if (_chart.Mark is not { } mark)
        {
            return;
        }

        _page.Line($"""<line class="mark" x1="{x + 5}" y1="35" x2="{x + 5}" y2="47"/>""");
        WriteLegendText(x, mark);
    }

    private int WriteLegendText(int x, string text)
    {
        _page.Line($"""<text x="{x + 14}" y="45">{SvgPage.Escape(text)}</text>""");
        return x + 14 + (text.Length * LegendCharacterWidth) + 10;
    }

    private void WriteAxis(int left)
    {
        for (double value = 0; value <= AxisEnd; value += AxisStep)
        {
            string x = SvgPage.Number(left + NameWidth + (value * UnitWidth));
            string kind = value == 1 ? "one" : "grid";
            _page.Line($"""<line class="{kind}" x1="{x}" y1="{HeaderHeight - 4}" x2="{x}" y2="{BarsBottom}"/>""");
            _page.Line($"""<text class="tick" x="{x}" y="{BarsBottom + 13}">{SvgPage.Number(value)}</text>""");
        }
    }

    private void WriteGroup(BarGroup group, int left, int top)
    {
        int barsHeight = BarsHeight(group);
        _page.Line($"""<text class="name" x="{left + NameWidth - 6}" y="{top + (barsHeight / 2) + 4}">{SvgPage.Escape(group.Name)}</text>""");
        (int Series, double Value, double Width)[] bars =
        [
            .. group.Values.Index().Where(bar => bar.Item is not null).Select(bar => (bar.Index, bar.Item!.Value, Math.Min(bar.Item.Value, AxisEnd) * UnitWidth)),
        ];
        for (int i = 0; i < bars.Length; i++)
        {
            _page.Line($"""<rect class="s{bars[i].Series}" x="{left + NameWidth}" y="{top + (i * BarPitch)}" width="{SvgPage.Number(bars[i].Width)}" height="{BarHeight}"/>""");
        }

        if (group.Mark is { } mark)
        {
            string x = SvgPage.Number(left + NameWidth + (Math.Min(mark, AxisEnd) * UnitWidth));
            _page.Line($"""<line class="mark" x1="{x}" y1="{top - 1}" x2="{x}" y2="{top + barsHeight}"/>""");
        }

        // Last, so that nothing lies over them.
        for (int i = 0; i < bars.Length; i++)
        {
            WriteLabel(bars[i].Series, bars[i].Value, left + NameWidth + bars[i].Width, top + (i * BarPitch));
        }
    }

    private void WriteLabel(int series, double value, double end, int top)
    {
        string ratio = value.ToString(value < 10 ? "F2" : "F0", CultureInfo.InvariantCulture);
        string emphasis = series == 0 ? " first" : "";
        _page.Line($"""<text class="label{emphasis}" x="{SvgPage.Number(end + 3)}" y="{top + BarHeight - 1}">{ratio}</text>""");
    }
}
