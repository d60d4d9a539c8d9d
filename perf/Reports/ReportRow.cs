using System.Text.Json.Serialization;

namespace SpanHeap.Perf.Reports;

/// <summary>One measurement. Scripts depend on the names, which become snake_case in the file.</summary>
internal sealed record ReportRow(
    string Workload,
    string Allocator,
    int Threads,
    int Rounds,
    double NsPerOp,
    double NsMin,
    double NsMax,
    double? NsCold,
    long? PeakRssBytes,
    double? VsBest,
    double? VsSystem)
{
    /// <summary>Resident three seconds after the last free; only where it was measured.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? IdleRssBytes { get; init; }
}
