using SpanHeap.Perf.Allocators;
using SpanHeap.Perf.Measurement;
using SpanHeap.Perf.Reports;

namespace SpanHeap.Perf.Compare;

/// <summary>The picture of a comparison: time of each workload against the best C allocator's.</summary>
internal static class CompareChart
{
    private const string Fallback = "#9aa0a6";

    // Middle tones, to be told apart on white and on black.
    private static readonly Dictionary<string, string> s_colours = new()
    {
        ["spanheap"] = "#1f6feb",
        ["spanheap-local"] = "#79b0ff",
        ["system"] = "#8b949e",
        ["mimalloc"] = "#e3872d",
        ["jemalloc"] = "#2da44e",
        ["tcmalloc"] = "#bf5fd0",
    };

    public static string Of(IReadOnlyList<Bout> bouts, IReadOnlyList<AllocatorEntry> allocators)
    {
        // Arrays are another way to program; their bars would be off the scale and missing in turns.
        AllocatorEntry[] shown = [.. allocators.Where(allocator => !allocator.IsArrays && !allocator.IsLimit)];
        AllocatorEntry? limit = allocators.FirstOrDefault(allocator => allocator.IsLimit);
        BarSeries[] series = [.. shown.Select(allocator => new BarSeries(allocator.Name, s_colours.GetValueOrDefault(allocator.Name, Fallback)))];
        List<BarGroup> groups = [.. bouts.Select(bout => GroupOf(bout, shown, limit))];
        if (groups.Count > 1)
            groups.Insert(0, Means(groups, series.Length));
        return BarChartWriter.Write(new BarChart(
            "Time per operation, best C allocator = 1 (shorter is faster)", series, limit?.Name, groups));
    }

    private static BarGroup GroupOf(Bout bout, IEnumerable<AllocatorEntry> shown, AllocatorEntry? limit)
    {
        // Without a C allocator there is nothing to be compared with but the fastest there is.
        double? reference = bout.BestPeer(peer => peer.Warm) ?? bout.Cells.Where(cell => !cell.Allocator.IsLimit).Min(cell => cell.Warm);
        return new BarGroup(
            bout.Name,
            [.. shown.Select(allocator => bout.Of(allocator.Name)?.Warm / reference)],
            limit is null ? null : bout.Of(limit.Name)?.Warm / reference);
    }

    private static BarGroup Means(IReadOnlyList<BarGroup> groups, int count) => new(
        "geometric mean",
        [.. Enumerable.Range(0, count).Select(series => Mean(groups.Select(group => group.Values[series])))],
        Mark: null);

    private static double? Mean(IEnumerable<double?> values)
    {
        double[] known = [.. values.OfType<double>()];
        return known.Length > 0 ? Averages.GeometricMean(known) : null;
    }
}
