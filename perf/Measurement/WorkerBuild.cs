namespace SpanHeap.Perf.Measurement;

/// <summary>What child processes are started from.</summary>
/// <param name="Name">What reports call it.</param>
/// <param name="Program">The executable; null for the one that runs.</param>
internal sealed record WorkerBuild(string Name, string? Program)
{
    /// <summary>This very program, whose methods are compiled as they are called.</summary>
    public static WorkerBuild Ordinary { get; } = new("ordinary", null);
}
