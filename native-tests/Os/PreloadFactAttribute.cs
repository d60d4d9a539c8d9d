namespace SpanHeap.Tests.Os;

/// <summary>A test under another malloc; skipped, visibly, where its library is not installed.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class PreloadFactAttribute : FactAttribute
{
    private static readonly string[] s_folders =
        ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib", "/usr/local/lib"];

    public PreloadFactAttribute(string library)
    {
        Library = library;
        if (Find(library) == null)
        {
            Skip = $"{library} is not installed.";
        }
    }

    public string Library { get; }

    /// <summary>The full path of an installed library; null when it is not installed.</summary>
    public static string? Find(string library) =>
        OperatingSystem.IsLinux() ? s_folders.Select(folder => Path.Combine(folder, library)).FirstOrDefault(File.Exists) : null;
}
