using SpanHeap.Perf.Allocators;
using SpanHeap.Perf.Measurement;
using SpanHeap.Perf.Reports;

namespace SpanHeap.Perf.Compare;

/// <summary>The pictures of a comparison: time of each workload against the best C allocator's; all of it, or what fits into a README.</summary>
internal static class CompareChart
{
    /// <summary>Rows that readers know from other suites, and what programs were recorded: the short picture shows SpanHeap's bars of them.</summary>
    private static readonly string[] s_known = ["larson", "mstress", "xmalloc-test", "trace:perl", "trace:python", "trace:sqlite"];

    // Middle tones, to be told apart on white and on black.
    private static readonly Dictionary<string, string> s_colours = new()
    {
        [AllocatorCatalog.SpanHeap] = "#1f6feb",
        ["spanheap-local"] = "#79b0ff",
        [AllocatorCatalog.System] = "#8b949e",
        ["mimalloc"] = "#e3872d",
        ["jemalloc"] = "#2da44e",
        ["tcmalloc"] = "#bf5fd0",
    };

    // For peers of the command line, in turn.
    private static readonly string[] s_others = ["#d1495b", "#00a3a3", "#a0a13a", "#8a5a44", "#9aa0a6"];

    /// <summary>All rows with a bar for each allocator, and their means.</summary>
    public static string Whole(CompareRun run)
    {
        // Arrays are another way to program; their bars would be off the scale and missing in turns.
        AllocatorEntry[] shown = Shown(run);
        AllocatorEntry? limit = run.Allocators.FirstOrDefault(allocator => allocator.IsLimit);
        List<BarGroup> groups = [.. run.Comparisons.Select(comparison => GroupOf(comparison, shown, limit))];
        if (groups.Count > 1)
        {
            groups.Insert(0, Means(run, shown));
        }

        return BarChartWriter.Write(new BarChart("Time per operation, best C allocator = 1 (shorter is faster)", Series(shown), limit?.Name, groups));
    }

    /// <summary>The mean of each allocator over all rows, and SpanHeap's bars of a few rows: a dozen bars if no peer was added.</summary>
    public static string Short(CompareRun run)
    {
        AllocatorEntry[] shown = Shown(run);
        BarGroup[] groups = [.. run.Comparisons.Select(comparison => GroupOf(comparison, shown, limit: null))];
        IEnumerable<BarGroup> known = s_known.SelectMany(name => groups.Where(group => group.Name == name)).Select(group => group with
        {
            Values = [.. group.Values.Select((value, series) => shown[series].Name == AllocatorCatalog.SpanHeap ? value : null)],
        });
        return BarChartWriter.Write(new BarChart(
            "Time per operation, best C allocator of a row = 1 (shorter is faster)", Series(shown), null,
            [Means(run, shown), .. known]));
    }

    private static AllocatorEntry[] Shown(CompareRun run) => [.. run.Allocators.Where(allocator => !allocator.IsArrays && !allocator.IsLimit)];

    private static BarSeries[] Series(AllocatorEntry[] shown)
    {
        int others = 0;
        return [.. shown.Select(allocator => new BarSeries(
            allocator.Name, s_colours.GetValueOrDefault(allocator.Name) ?? s_others[others++ % s_others.Length]))];
    }

    private static BarGroup GroupOf(Comparison comparison, IEnumerable<AllocatorEntry> shown, AllocatorEntry? limit)
    {
        // Without a C allocator there is nothing to be compared with but the fastest there is.
        double? reference = comparison.BestPeer(peer => peer.Warm) ?? comparison.Results.Where(result => !result.Allocator.IsLimit).Min(result => result.Warm);
        return new BarGroup(
            comparison.Name,
            [.. shown.Select(allocator => comparison.Of(allocator.Name)?.Warm / reference)],
            limit is null ? null : comparison.Of(limit.Name)?.Warm / reference);
    }

    private static BarGroup Means(CompareRun run, AllocatorEntry[] shown)
    {
        BarGroup[] groups =
            [.. run.Comparisons.Where(comparison => !comparison.Workload.StandsApart).Select(comparison => GroupOf(comparison, shown, limit: null))];
        return new BarGroup(
            $"mean of {groups.Length} rows", [.. Enumerable.Range(0, shown.Length).Select(series => Mean(groups.Select(group => group.Values[series])))], Mark: null);
    }

    private static double? Mean(IEnumerable<double?> values)
    {
        double[] known = [.. values.OfType<double>()];
        return known.Length > 0 ? Averages.GeometricMean(known) : null;
    }
}
