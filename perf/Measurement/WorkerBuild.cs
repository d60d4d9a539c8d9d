namespace SpanHeap.Perf.Measurement;

/// <summary>What child processes are started from, and how.</summary>
/// <param name="Name">What reports call it.</param>
/// <param name="Program">The executable; null for the one that runs.</param>
internal sealed record WorkerBuild(string Name, string? Program)
{
    /// <summary>This very program, whose methods are compiled as they are called.</summary>
    public static WorkerBuild Ordinary { get; } = new("ordinary", null);

    /// <summary>
    /// The same, for rounds that are timed after a warm-up. By default the runtime puts off tier 1 as long as new methods are called. Where threads of
    /// the pool take all processors, that outlasted the warm-up in a third of the processes, and the first rounds took ten times as long.
    /// </summary>
    public static WorkerBuild Warming { get; } = new("ordinary", null) { Environment = [("DOTNET_TC_CallCountingDelayMs", "0")] };

    /// <summary>Variables that the process gets.</summary>
    public IReadOnlyList<(string Name, string Value)> Environment { get; private init; } = [];
}
