namespace SpanHeap.Tests.Support;

/// <summary>A test of what the library does everywhere but on Windows; skipped, visibly, there.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class PosixFactAttribute : FactAttribute
{
    public PosixFactAttribute()
    {
        if (OperatingSystem.IsWindows())
        {
            Skip = "Not on Windows.";
        }
    }
}
