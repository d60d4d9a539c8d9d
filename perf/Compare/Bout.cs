using SpanHeap.Perf.Allocators;

namespace SpanHeap.Perf.Compare;

/// <summary>One workload with one number of threads: what each allocator that can do it has shown.</summary>
internal sealed class Bout(WorkloadEntry workload, int threads, bool showsIdle, bool runsAlone, IReadOnlyList<Cell> cells)
{
    public WorkloadEntry Workload { get; } = workload;

    public int Threads { get; } = threads;

    /// <inheritdoc cref="Compare.Workload.ShowsIdle"/>
    public bool ShowsIdle { get; } = showsIdle;

    /// <inheritdoc cref="Compare.Workload.RunsAlone"/>
    public bool RunsAlone { get; } = runsAlone;

    public IReadOnlyList<Cell> Cells { get; } = cells;

    public string Name => Threads == 1 ? Workload.Name : $"{Workload.Name} x{Threads}";

    public Cell? Of(string allocator) => Cells.FirstOrDefault(cell => cell.Allocator.Name == allocator);

    /// <summary>The least that a C allocator shows; null where none was measured.</summary>
    public double? BestPeer(Func<Cell, double?> figure) => Cells.Where(cell => cell.Allocator.IsPeer).Min(figure);

    /// <summary>The allocators that can do what the workload asks for.</summary>
    public static Bout Make(WorkloadEntry workload, int threads, IEnumerable<AllocatorEntry> allocators)
    {
        using Workload made = workload.Make(threads);
        Cell[] cells = [.. allocators.Where(allocator => CanDo(allocator, made)).Select(allocator => new Cell(allocator))];
        return new Bout(workload, threads, made.ShowsIdle, made.RunsAlone, cells);
    }

    private static bool CanDo(AllocatorEntry allocator, Workload workload) =>
        allocator.IsArrays ? workload is IArrayWorkload : !allocator.IsLimit || workload.Needs == Needs.Nothing;
}
