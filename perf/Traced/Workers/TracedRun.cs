namespace SpanHeap.Perf.Traced.Workers;

/// <summary>One run of a program in a process of its own. The Go program prints the same.</summary>
/// <param name="WallSeconds">How long it took.</param>
/// <param name="CpuSeconds">User and system time of the whole process in the meantime.</param>
/// <param name="Collections">How many collections there were.</param>
/// <param name="PausesMs">How long each kept the program out; null where it cannot be known.</param>
/// <param name="PeakBytes">The most that was resident above what was before.</param>
internal sealed record TracedRun(double WallSeconds, double CpuSeconds, long Collections, double[]? PausesMs, long? PeakBytes)
{
    /// <summary>Milliseconds for which .NET's own collector kept the program out, whatever memory it used; null of other runtimes.</summary>
    public double? DotnetPausedMs { get; init; }

    /// <summary>The longest of those pauses; 0 without any, null where events of some were lost.</summary>
    public double? DotnetLongestPauseMs { get; init; }

    /// <summary>Of .NET's collector: bytes allocated from one collection to the next.</summary>
    public long? BytesPerCollection { get; init; }

    /// <summary>Milliseconds of the program's parts, where it times them.</summary>
    public Dictionary<string, double>? PartsMs { get; init; }

    /// <summary>Of .NET's collector: its settings.</summary>
    public Dictionary<string, string>? Configuration { get; init; }
}
