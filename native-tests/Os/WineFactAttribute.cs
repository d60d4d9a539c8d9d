using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Os;

/// <summary>A test of the Windows path under wine; skipped, visibly, where that cannot be.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class WineFactAttribute : FactAttribute
{
    // Found out once per process, because test discovery makes attributes more than once.
    private static readonly Lazy<string?> s_obstacle = new(FindObstacle);

    public WineFactAttribute() => Skip = s_obstacle.Value;

    /// <summary>The program; null when it is not installed.</summary>
    public static string? Wine { get; } =
        (Environment.GetEnvironmentVariable("PATH") ?? "")
            .Split(Path.PathSeparator)
            .SelectMany(static folder => new[] { Path.Combine(folder, "wine64"), Path.Combine(folder, "wine") })
            .FirstOrDefault(File.Exists);

    private static string? FindObstacle()
    {
        if (!OperatingSystem.IsLinux() || Wine == null)
        {
            return "wine is not installed.";
        }

        string packages = Environment.GetEnvironmentVariable("NUGET_PACKAGES")
            ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
        return Directory.Exists(Path.Combine(packages, "microsoft.netcore.app.runtime.win-x64", Environment.Version.ToString())) || CanRestore()
            ? null
            : "The runtime for win-x64 cannot be had (no network?).";
    }

    private static bool CanRestore()
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("spanheap-wine-");
        try
        {
            string project = Path.Combine(folder.FullName, "empty.csproj");
            File.WriteAllText(project, """
                <Project Sdk="Microsoft.NET.Sdk">
                  <PropertyGroup>
                    <OutputType>Exe</OutputType>
                    <TargetFramework>net10.0</TargetFramework>
                    <RuntimeIdentifier>win-x64</RuntimeIdentifier>
                    <SelfContained>true</SelfContained>
                  </PropertyGroup>
                </Project>
                """);
            return StressProcess.Run("dotnet", ["restore", project], TimeSpan.FromMinutes(1)).ExitCode == 0;
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
