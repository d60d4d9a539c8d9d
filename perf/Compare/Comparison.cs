using SpanHeap.Perf.Allocators;

namespace SpanHeap.Perf.Compare;

/// <summary>One workload with one number of threads, and the results of the allocators that can do it.</summary>
internal sealed class Comparison(WorkloadEntry workload, int threads, bool showsIdle, bool runsAlone, IReadOnlyList<CompareResult> results)
{
    public WorkloadEntry Workload { get; } = workload;

    public int Threads { get; } = threads;

    /// <inheritdoc cref="Compare.Workload.ShowsIdle"/>
    public bool ShowsIdle { get; } = showsIdle;

    /// <inheritdoc cref="Compare.Workload.RunsAlone"/>
    public bool RunsAlone { get; } = runsAlone;

    public IReadOnlyList<CompareResult> Results { get; } = results;

    public string Name => Threads == 1 ? Workload.Name : $"{Workload.Name} x{Threads}";

    public CompareResult? Of(string allocator) => Results.FirstOrDefault(result => result.Allocator.Name == allocator);

    /// <summary>The least figure of a C allocator; null where none was measured.</summary>
    public double? BestPeer(Func<CompareResult, double?> figure) => Results.Where(result => result.Allocator.IsPeer).Min(figure);

    /// <summary>Makes the comparison of the allocators that can do what the workload needs.</summary>
    public static Comparison Make(WorkloadEntry workload, int threads, IEnumerable<AllocatorEntry> allocators)
    {
        using Workload made = workload.Make(threads);
        CompareResult[] results = [.. allocators.Where(allocator => CanDo(allocator, made)).Select(allocator => new CompareResult(allocator))];
        return new Comparison(workload, threads, made.ShowsIdle, made.RunsAlone, results);
    }

    private static bool CanDo(AllocatorEntry allocator, Workload workload) => allocator switch
    {
        { IsArrays: true } => workload is IArrayWorkload,
        { IsLimit: true } => workload.Needs == Needs.Nothing,
        _ => allocator.CanAlign || !workload.Needs.HasFlag(Needs.Aligned),
    };
}
