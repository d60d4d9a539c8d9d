namespace SpanHeap.Perf.Reports;

/// <summary>Horizontal bars in groups, one colour per series, written as SVG. Groups run down one column, or two when there are many.</summary>
/// <param name="Title">One line above all.</param>
/// <param name="Series">What a bar of each colour is.</param>
/// <param name="Mark">What the short line across a group is; null without one.</param>
/// <param name="Groups">From top to bottom.</param>
internal sealed record BarChart(string Title, IReadOnlyList<BarSeries> Series, string? Mark, IReadOnlyList<BarGroup> Groups);

/// <summary>One colour, in the legend and in each group.</summary>
internal sealed record BarSeries(string Name, string Colour);

/// <param name="Name">To the left of the bars.</param>
/// <param name="Values">In the order of the series; null where there is none.</param>
/// <param name="Mark">Where the line across the group is; null for none.</param>
internal sealed record BarGroup(string Name, IReadOnlyList<double?> Values, double? Mark);
