namespace SpanHeap.Tests.ModelChecking;

/// <summary>A test that checks a model by spin, for which it compiles the checker; skipped, visibly, where one of the tools is missing.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class SpinTheoryAttribute : TheoryAttribute
{
    public SpinTheoryAttribute() =>
        Skip = Spin == null ? "spin is not installed: apt-get install spin" : Compiler == null ? "gcc is not installed: apt-get install gcc libc6-dev" : null;

    /// <summary>The program that makes a checker of a model; null when it is not installed.</summary>
    public static string? Spin { get; } = Find("spin");

    /// <summary>The compiler for what it makes; null when it is not installed.</summary>
    public static string? Compiler { get; } = Find("gcc");

    private static string? Find(string program) => OperatingSystem.IsWindows()
        ? null
        : (Environment.GetEnvironmentVariable("PATH") ?? "")
            .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .Select(folder => Path.Combine(folder, program))
            .FirstOrDefault(File.Exists);
}
