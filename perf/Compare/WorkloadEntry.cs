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

    /// <summary>Takes minutes or gigabytes: runs only when it is named, or fits a pattern.</summary>
    public bool OnRequest { get; init; }

    /// <summary>Is in no mean: it would drown the other rows, because it shows whether an allocator does a thing and not how well.</summary>
    public bool StandsApart { get; init; }

    /// <summary>Most of its time is the system's, which makes threads or moves cache lines: only many rounds say something of the allocator.</summary>
    public bool IsNoisy { get; init; }

    /// <summary>
    /// Of the thread counts asked for those that make sense: more than two wherever two do. A workload about a number of threads
    /// beyond two keeps its number.
    /// </summary>
    public IEnumerable<int> ThreadsOf(IReadOnlyList<int>? wanted)
    {
        bool keepsNumber = ThreadCounts is [> 2];
        if (wanted is null || (keepsNumber && wanted.Any(count => count > 1)))
        {
            return ThreadCounts;
        }

        return keepsNumber ? [] : wanted.Where(count => count == 1 ? ThreadCounts.Contains(1) : ThreadCounts.Any(own => own > 1));
    }
}
