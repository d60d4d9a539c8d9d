using System.ComponentModel;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using CliWrap;
using CliWrap.Buffered;

namespace SpanHeap.Perf.Measurement;

/// <summary>Publishes a project of this repository for this machine, into a folder of its own below <c>artifacts</c>.</summary>
/// <param name="Project">The path of the project file from the root of the repository.</param>
/// <param name="Name">The name of the folder.</param>
/// <param name="Options">What <c>dotnet publish</c> is told beside that.</param>
internal sealed record Publication(string Project, string Name, string[] Options)
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(5);

    /// <summary>The published program.</summary>
    public string Program
    {
        get
        {
            string name = Path.GetFileNameWithoutExtension(Project);
            return Path.Combine(Folder, "published", OperatingSystem.IsWindows() ? $"{name}.exe" : name);
        }
    }

    // Folders of its own: the ordinary build's are of another kind, and may be in use.
    private string Folder => Path.Combine(RootFolder(), "artifacts", Name);

    /// <summary>Publishes it, or brings it up to date. Returns null, or in a sentence why it cannot be had.</summary>
    public string? TryMake()
    {
        string project = Path.Combine(RootFolder(), Project);
        if (!File.Exists(project))
        {
            return $"there is no {project}.";
        }

        string[] arguments =
        [
            "publish", project, "-c", "Release", "-r", RuntimeInformation.RuntimeIdentifier, .. Options,
            "--artifacts-path", Folder, "-o", Path.GetDirectoryName(Program)!, "--disable-build-servers", "-nologo",
        ];
        try
        {
            return Publish(arguments);
        }
        catch (Win32Exception error)
        {
            return $"dotnet: {error.Message}.";
        }
    }

    private static string? Publish(string[] arguments)
    {
        // What 'dotnet run' leaves in the environment would mislead another build; null takes a variable away.
        Dictionary<string, string?> environment = Environment.GetEnvironmentVariables().Keys.Cast<string>()
            .Where(static key => key.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase))
            .ToDictionary(static key => key, static _ => (string?)null);
        BufferedCommandResult result;
        try
        {
            result = OtherProgram.Run(Cli.Wrap("dotnet").WithArguments(arguments), environment, s_patience);
        }
        catch (OperationCanceledException)
        {
            return $"it took more than {s_patience.TotalMinutes} minutes.";
        }

        if (result.IsSuccess)
        {
            return null;
        }

        string? error = result.StandardOutput.Split('\n').FirstOrDefault(static line => line.Contains("error", StringComparison.Ordinal));
        return error?.Trim() ?? $"dotnet publish ended with code {result.ExitCode}.";
    }

    private static string RootFolder([CallerFilePath] string file = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(file)!, "..", ".."));
}
