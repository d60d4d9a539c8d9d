namespace SpanHeap.Perf.Compare;

/// <summary>What is known of a workload before it is made.</summary>
/// <param name="Name">On the command line and in tables.</param>
/// <param name="Origin">What it is from, in words.</param>
/// <param name="ThreadCounts">With how many threads it makes sense and runs by default.</param>
/// <param name="Make">Makes it for a number of threads.</param>
internal sealed record WorkloadEntry(string Name, string Origin, int[] ThreadCounts, Func<int, Workload> Make);
