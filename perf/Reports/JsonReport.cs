using System.Text.Json;
using SpanHeap.Perf.Measurement;

namespace SpanHeap.Perf.Reports;

/// <summary>The file that <c>--json</c> asks for: an object with <c>machine</c>, <c>fresh_build</c> (see <see cref="WorkerBuild"/>) and <c>rows</c>.</summary>
internal static class JsonReport
{
    public const string Option = "--json";

    private static readonly JsonSerializerOptions s_options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        WriteIndented = true,
    };

    public static void Write<T>(string path, IReadOnlyList<T> rows, WorkerBuild fresh) => ReportFile.Write(
        Option, path, JsonSerializer.Serialize(new { Machine = Machine.Current, FreshBuild = fresh.Name, Rows = rows }, s_options) + "\n");
}
