namespace SpanHeap.Tests.Hooks;

/// <summary>A test of a library that is compiled from C; skipped, visibly, where there is no gcc.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class GccFactAttribute : FactAttribute
{
    public GccFactAttribute()
    {
        if (!OperatingSystem.IsLinux() || CLibrary.Compiler == null)
        {
            Skip = "There is no gcc.";
        }
    }
}
