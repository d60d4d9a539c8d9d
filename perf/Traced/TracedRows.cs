namespace SpanHeap.Perf.Traced;

/// <summary>Results as rows of a report, each against .NET's collector where that was measured too.</summary>
internal static class TracedRows
{
    public static IReadOnlyList<TracedRow> Of(IReadOnlyList<TracedResult> results, int rounds) =>
    [
        .. from result in results
           let dotnet = results.FirstOrDefault(other => other.Workload == result.Workload && other.Allocator.Name == TracedAllocator.Dotnet)
           select Row(result, dotnet, rounds),
    ];

    private static TracedRow Row(TracedResult result, TracedResult? dotnet, int rounds) => new(result.Workload.Name, result.Allocator.Name, 1, rounds)
    {
        WallS = Round(result.WallSeconds),
        WallMinS = Round(result.Runs.Min(run => run.WallSeconds)),
        WallMaxS = Round(result.Runs.Max(run => run.WallSeconds)),
        CpuS = Round(result.CpuSeconds),
        Collections = result.Collections,
        PauseMaxMs = Round(result.PauseMax),
        PauseP999Ms = Round(result.PauseP999),
        PauseTotalMs = Round(result.PauseTotal),
        DotnetPauseTotalMs = Round(result.DotnetPaused),
        DotnetPauseMaxMs = Round(result.DotnetLongestPause),
        PeakRssBytes = result.PeakBytes,
        VsDotnet = Round(result.WallSeconds / dotnet?.WallSeconds),
        VsDotnetCpu = Round(result.CpuSeconds / dotnet?.CpuSeconds),
        VsDotnetPeak = Round((double?)result.PeakBytes / dotnet?.PeakBytes),
        BytesPerCollection = result.Runs[0].BytesPerCollection,
        PartsMs = result.Parts is { Count: > 0 } parts ? parts.ToDictionary(part => part.Key, part => Math.Round(part.Value, 3)) : null,
        Configuration = result.Runs[0].Configuration,
    };

    private static double? Round(double? value) => value is { } known ? Math.Round(known, 4) : null;
}
