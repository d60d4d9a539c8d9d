using SpanHeap.Perf.CommandLine;

namespace SpanHeap.Perf.Reports;

/// <summary>A file that an option of the command line asks for.</summary>
internal static class ReportFile
{
    /// <summary>Says before the work, not after it, that the file cannot be written.</summary>
    public static void RefuseUnwritable(string option, string? path)
    {
        if (path is not null)
        {
            Try(option, path, () => File.OpenWrite(path).Dispose());
        }
    }

    public static void Write(string option, string path, string text) => Try(option, path, () => File.WriteAllText(path, text));

    private static void Try(string option, string path, Action write)
    {
        try
        {
            write();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new InputException($"{option} {path}: {error.Message}", error);
        }
    }
}
