using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace SpanHeap.Perf.Measurement;

/// <summary>
/// This program again, compiled ahead (ReadyToRun). In a fresh process of the ordinary build the JIT takes most of the time of a first
/// pass, more of it where more of the allocator is C#; here all are measured without.
/// </summary>
internal static class AheadBuild
{
    public const string Name = "ready-to-run";

    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(5);

    /// <summary>Makes it, or brings it up to date; the ordinary build where it cannot be had. Says which on a line of its own.</summary>
    public static WorkerBuild Make()
    {
        Console.Error.WriteLine("Compiling this program ahead (dotnet publish, ReadyToRun), for passes of fresh processes ...");
        long start = Stopwatch.GetTimestamp();
        string folder = Path.Combine(RootFolder(), "artifacts", "compiled-ahead");
        if (WhyNot(folder) is { } reason)
        {
            Console.Error.WriteLine($"... it cannot be had here: {reason} Those passes run in the ordinary build, and their time is mostly the JIT's.");
            return WorkerBuild.Ordinary;
        }

        Console.Error.WriteLine($"... done in {Stopwatch.GetElapsedTime(start).TotalSeconds:f0} s.");
        return new WorkerBuild(Name, Program(folder));
    }

    private static string Program(string folder) => Path.Combine(folder, "published", OperatingSystem.IsWindows() ? "perf.exe" : "perf");

    private static string? WhyNot(string folder)
    {
        string project = Path.Combine(RootFolder(), "perf", "perf.csproj");
        if (!File.Exists(project))
            return $"there is no {project}.";
        // Folders of its own: the ordinary build's are of another kind, and may be in use.
        string[] arguments =
        [
            "publish", project, "-c", "Release", "-r", RuntimeInformation.RuntimeIdentifier, "--self-contained", "false", "-p:PublishReadyToRun=true",
            "--artifacts-path", folder, "-o", Path.GetDirectoryName(Program(folder))!, "--disable-build-servers", "-nologo",
        ];
        try
        {
            return Run(new ProcessStartInfo("dotnet", arguments) { RedirectStandardOutput = true });
        }
        catch (Win32Exception error)
        {
            return $"dotnet: {error.Message}.";
        }
    }

    // Null when the build succeeds.
    private static string? Run(ProcessStartInfo start)
    {
        // What 'dotnet run' leaves in the environment would mislead another build.
        foreach (string inherited in start.Environment.Keys.Where(key => key.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase)).ToArray())
            start.Environment.Remove(inherited);
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        if (!process.WaitForExit(s_patience))
        {
            process.Kill(entireProcessTree: true);
            return $"it took more than {s_patience.TotalMinutes} minutes.";
        }

        if (process.ExitCode == 0)
            return null;
        string? error = output.Result.Split('\n').FirstOrDefault(line => line.Contains("error", StringComparison.Ordinal));
        return error?.Trim() ?? $"dotnet publish ended with code {process.ExitCode}.";
    }

    private static string RootFolder([CallerFilePath] string file = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(file)!, "..", ".."));
}
