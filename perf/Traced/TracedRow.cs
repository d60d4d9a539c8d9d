using System.Text.Json.Serialization;

namespace SpanHeap.Perf.Traced;

/// <summary>One row of the JSON report. Scripts depend on the names, which become snake_case in the file.</summary>
internal sealed record TracedRow(string Workload, string Allocator, int Threads, int Rounds)
{
    public double? WallS { get; init; }

    public double? WallMinS { get; init; }

    public double? WallMaxS { get; init; }

    public double? CpuS { get; init; }

    public double? Collections { get; init; }

    public double? PauseMaxMs { get; init; }

    public double? PauseP999Ms { get; init; }

    public double? PauseTotalMs { get; init; }

    /// <summary>Of .NET's own collector, also beside other memory.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? DotnetPauseTotalMs { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? DotnetPauseMaxMs { get; init; }

    public long? PeakRssBytes { get; init; }

    public double? VsDotnet { get; init; }

    public double? VsDotnetCpu { get; init; }

    public double? VsDotnetPeak { get; init; }

    /// <summary>Only of .NET's collector: bytes allocated from one collection to the next.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? BytesPerCollection { get; init; }

    /// <summary>Only of .NET's collector.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyDictionary<string, string>? Configuration { get; init; }

    /// <summary>Only of programs that time their parts: medians by name.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyDictionary<string, double>? PartsMs { get; init; }

    /// <summary>Only of the heap's own parts: medians by name, nanoseconds unless the name says otherwise.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyDictionary<string, double>? Figures { get; init; }
}
