using SpanHeap.Perf.Reports;

namespace SpanHeap.Perf.Traced;

/// <summary>The picture of the programs: time of each against .NET's collector.</summary>
internal static class TracedChart
{
    // Middle tones, to be told apart on white and on black.
    private static readonly Dictionary<string, string> s_colours = new()
    {
        [TracedAllocator.SpanHeap] = "#1f6feb",
        [TracedAllocator.Generational] = "#79b8ff",
        [TracedAllocator.Scopes] = "#0a3069",
        [TracedAllocator.Concurrent] = "#8250df",
        [TracedAllocator.Dotnet] = "#8b949e",
        [TracedAllocator.Boehm] = "#e3872d",
        [TracedAllocator.Go] = "#2da44e",
    };

    public static string Of(IReadOnlyList<TracedResult> results, IReadOnlyList<TracedAllocator> allocators)
    {
        BarSeries[] series = [.. allocators.Select(allocator => new BarSeries(allocator.Name, s_colours[allocator.Name]))];
        BarGroup[] groups = [.. results.GroupBy(result => result.Workload).Select(group => GroupOf([.. group], allocators))];
        return BarChartWriter.Write(new BarChart("Time of a program, .NET's collector = 1 (shorter is faster)", series, null, groups));
    }

    private static BarGroup GroupOf(TracedResult[] row, IReadOnlyList<TracedAllocator> allocators)
    {
        double reference = (row.FirstOrDefault(result => result.Allocator.Name == TracedAllocator.Dotnet) ?? row[0]).WallSeconds;
        return new BarGroup(
            row[0].Workload.Name,
            [.. allocators.Select(allocator => row.FirstOrDefault(result => result.Allocator == allocator)?.WallSeconds / reference)],
            null);
    }
}
