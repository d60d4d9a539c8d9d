using System.Text.Json;
using SpanHeap.Perf.CommandLine;
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
        RespectRequiredConstructorParameters = true,
        RespectNullableAnnotations = true,
    };

    public static void Write<T>(string path, IReadOnlyList<T> rows, WorkerBuild fresh) => ReportFile.Write(
        Option, path, JsonSerializer.Serialize(new { Machine = Machine.Current, FreshBuild = fresh.Name, Rows = rows }, s_options) + "\n");

    /// <summary>Reads such a file.</summary>
    /// <exception cref="InputException">It cannot be read, or is something else.</exception>
    public static (Machine Machine, WorkerBuild Fresh, IReadOnlyList<T> Rows) Read<T>(string option, string path)
    {
        try
        {
            Contents<T> read = JsonSerializer.Deserialize<Contents<T>>(File.ReadAllText(path), s_options) ?? throw new JsonException("It is null.");
            return (read.Machine, new WorkerBuild(read.FreshBuild, null), read.Rows);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"{option} {path}: {error.Message}", error);
        }
        catch (JsonException error)
        {
            throw new InputException($"{option} {path}: this is not what {Option} writes. {error.Message}", error);
        }
    }

    private sealed record Contents<T>(Machine Machine, string FreshBuild, IReadOnlyList<T> Rows);
}
