namespace SpanHeap.Tests.Support;

/// <summary>A test that reads /proc, or relies on what only Linux does; skipped, visibly, elsewhere.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class LinuxFactAttribute : FactAttribute
{
    public LinuxFactAttribute()
    {
        if (!OperatingSystem.IsLinux())
        {
            Skip = "Linux only.";
        }
    }
}
