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

    /// <summary>
    /// Whether the test measures memory of threads, to which the order of locks adds in Debug builds: a thread-static of its own, in managed memory.
    /// Debug builds skip it.
    /// </summary>
    public bool MeasuresThreads
    {
        get;
        init
        {
            field = value;
#if DEBUG
            Skip ??= "Debug builds keep the order of locks in managed memory of each thread.";
#endif
        }
    }
}
