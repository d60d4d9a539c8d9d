namespace SpanHeap.Perf.Compare;

/// <summary>What is known of a workload before it is made.</summary>
/// <param name="Name">On the command line and in tables.</param>
/// <param name="Origin">What it is from, in words.</param>
/// <param name="ThreadCounts">With how many threads it makes sense and runs by default.</param>
/// <param name="Make">Makes it for a number of threads.</param>
internal sealed record WorkloadEntry(string Name, string Origin, int[] ThreadCounts, Func<int, Workload> Make)
{
    /// <summary>What a child process needs to be told to find it.</summary>
    public string Key { get; init; } = Name;

    /// <summary>Of the thread counts asked for those that make sense: more than two wherever two do.</summary>
    public IEnumerable<int> ThreadsOf(IReadOnlyList<int>? wanted) => wanted is null
        ? ThreadCounts
        : wanted.Where(count => count == 1 ? ThreadCounts.Contains(1) : ThreadCounts.Any(own => own > 1));
}
