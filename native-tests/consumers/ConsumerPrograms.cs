using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Consumers;

/// <summary>The programs, which are built once, when the first test asks for them.</summary>
internal static partial class ConsumerPrograms
{
    private static readonly TimeSpan s_bound = TimeSpan.FromMinutes(3);
    private static readonly string s_library = $"-p:SpanHeapAssembly={Path.Combine(AppContext.BaseDirectory, "SpanHeap.dll")}";
    private static readonly string s_project = Path.Combine(Folder(), "programs", "programs.csproj");
    private static readonly Lazy<Outcome> s_restored = new(Restore);
    private static readonly Lazy<string> s_built = new(static () => Build("programs"));

    /// <summary>Why the programs cannot be had on this machine; null where they can.</summary>
    public static string? Missing => s_restored.Value.Missing;

    /// <summary>Runs a program to its end.</summary>
    /// <returns>What it printed.</returns>
    public static string Run(params string[] arguments) => RunAssembly(s_built.Value, arguments);

    /// <summary>Runs a program that does not end well.</summary>
    /// <returns>What it printed.</returns>
    public static string RunToFailure(params string[] arguments)
    {
        (int? exitCode, string text) = Execute(s_built.Value, arguments);
        Assert.True(exitCode is not (null or 0), $"exit code {exitCode}: {text}");
        return text;
    }

    /// <summary>Runs another program, whose only source this text is.</summary>
    /// <returns>What it printed.</returns>
    public static string RunText(string name, string text)
    {
        string source = Path.Combine(OutputOf(name), "Program.cs");
        Directory.CreateDirectory(OutputOf(name));
        File.WriteAllText(source, text);
        return RunAssembly(Build(name, $"-p:OnlySource={source}"));
    }

    private static string RunAssembly(string assembly, params string[] arguments)
    {
        (int? exitCode, string text) = Execute(assembly, arguments);
        Assert.True(exitCode == 0, $"exit code {exitCode}: {text}");
        return text;
    }

    private static (int? ExitCode, string Output) Execute(string assembly, string[] arguments) =>
        StressProcess.Run("dotnet", ["exec", assembly, .. arguments], s_bound, ("DOTNET_DbgEnableMiniDump", "0"));

    // Only a package that cannot be had is no fault of ours.
    private static Outcome Restore()
    {
        (int? exitCode, string text) = Dotnet("restore", s_project, s_library);
        return exitCode == 0 ? new(null, null)
            : exitCode == null || PackageError().IsMatch(text) ? new($"A package cannot be had here. {PackageError().Match(text).Value}", null)
            : new(null, text);
    }

    private static string Build(string name, params string[] options)
    {
        Assert.True(s_restored.Value.Error == null, s_restored.Value.Error);
        (int? exitCode, string text) = Dotnet(
            [
                "build", s_project, "-c", "Release", "--no-restore", "-o", OutputOf(name), s_library,
                $"-p:IntermediateOutputPath=obj/{name}/", "-p:UseSharedCompilation=false", .. options,
            ]);
        Assert.True(exitCode == 0, text);
        return Path.Combine(OutputOf(name), "SpanHeap.Consumers.dll");
    }

    private static string OutputOf(string name) => Path.Combine(AppContext.BaseDirectory, "built", name);

    // A feed that does not answer is asked once. Build servers would keep the output open.
    private static (int? ExitCode, string Output) Dotnet(params string[] arguments) => StressProcess.Run(
        "dotnet", [.. arguments, "-nodeReuse:false"], s_bound,
        ("DOTNET_CLI_UI_LANGUAGE", "en"), ("DOTNET_NOLOGO", "1"), ("DOTNET_CLI_USE_MSBUILD_SERVER", "0"), ("NUGET_ENHANCED_MAX_NETWORK_TRY_COUNT", "1"));

    private static string Folder([CallerFilePath] string file = "") => Path.GetDirectoryName(file)!;

    [GeneratedRegex(@"error NU1\d\d\d: .*")]
    private static partial Regex PackageError();

    /// <summary>What came of restoring: nothing, or why a package is missing, or what else is wrong.</summary>
    private sealed record Outcome(string? Missing, string? Error);
}
