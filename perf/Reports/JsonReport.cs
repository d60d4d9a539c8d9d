using System.Text.Json;
using SpanHeap.Perf.CommandLine;
using SpanHeap.Perf.Measurement;

namespace SpanHeap.Perf.Reports;

/// <summary>The file that <c>--json</c> asks for: an object with <c>machine</c> and <c>rows</c>.</summary>
internal static class JsonReport
{
    private static readonly JsonSerializerOptions s_options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        WriteIndented = true,
    };

    /// <summary>Says before the work, not after it, that the file cannot be written.</summary>
    public static void RefuseUnwritable(string path) => Try(path, () => File.OpenWrite(path).Dispose());

    public static void Write(string path, IReadOnlyList<ReportRow> rows) => Try(path, () =>
        File.WriteAllText(path, JsonSerializer.Serialize(new { Machine = Machine.Current, Rows = rows }, s_options) + "\n"));

    private static void Try(string path, Action write)
    {
        try
        {
            write();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new InputException($"--json {path}: {error.Message}", error);
        }
    }
}
