using System.Globalization;
using SpanHeap.Perf.Compare.Workers;
using SpanHeap.Perf.Measurement;

namespace SpanHeap.Perf.Compare;

/// <summary>Runs the child processes of a bout. Rounds go A B C A B C, so that what disturbs the machine disturbs all.</summary>
/// <param name="bout">The bout.</param>
/// <param name="rounds">How many warm rounds.</param>
/// <param name="fresh">What is started where a fresh process is what is measured. Warm rounds need none: all is compiled by then, at tier 1.</param>
internal sealed class BoutSeries(Bout bout, int rounds, WorkerBuild fresh)
{
    /// <summary>A cold figure costs a process; three tell what a disturbed one is.</summary>
    private const int MostColdRounds = 3;

    // The limit has nothing that warms up or goes back: it is a bound for the warm time alone.
    private readonly Cell[] _allocators = [.. bout.Cells.Where(cell => !cell.Allocator.IsLimit)];

    public void Measure()
    {
        int coldRounds = bout.RunsAlone ? 1 : Math.Min(rounds, MostColdRounds);
        for (int round = 1; round <= coldRounds; round++)
        {
            Progress.Show($"{bout.Name}: cold, process {round} of {coldRounds}");
            foreach (Cell cell in _allocators)
                Try(cell, () => cell.ColdRounds.Add(RunOnce<RoundTime>(cell, ColdWorkload.Verb).NsPerOp));
        }

        foreach (IReadOnlyList<Cell> cells in SideBySide(_allocators))
            MeasureMemory(cells);
        foreach (IReadOnlyList<Cell> cells in SideBySide(bout.Cells))
            MeasureWarm(cells);
    }

    /// <summary>All at once, or where they would not find the memory one after the other.</summary>
    private IEnumerable<IReadOnlyList<Cell>> SideBySide(IReadOnlyList<Cell> cells) => bout.RunsAlone ? cells.Chunk(1) : [cells];

    /// <summary>Memory does not depend on who else runs. Those that are to sleep do so at the same time.</summary>
    private void MeasureMemory(IReadOnlyList<Cell> cells)
    {
        using var workers = new WorkerSet();
        foreach (Cell[] some in Abreast(cells))
        {
            Progress.Show($"{bout.Name}: memory of {Names(some)}");
            foreach (Cell cell in some)
                Try(cell, () => workers.Add(cell, Start(cell, MemoryWorkload.Verb, fresh)));
            foreach (Cell cell in some)
                Try(cell, () => cell.PeakBytes = workers.Of(cell)?.Answer<PeakMemory>().Bytes);
        }

        foreach ((Cell cell, WorkerProcess worker) in workers.All.Where(_ => bout.ShowsIdle))
            Try(cell, () => cell.IdleBytes = worker.Answer<IdleMemory>().Bytes);
    }

    private void MeasureWarm(IReadOnlyList<Cell> cells)
    {
        using var workers = new WorkerSet();
        foreach (Cell[] some in Abreast(cells))
        {
            Progress.Show($"{bout.Name}: warm-up of {Names(some)}");
            foreach (Cell cell in some)
                Try(cell, () => workers.Add(cell, Start(cell, WarmWorkload.Verb, WorkerBuild.Ordinary)));
            foreach (Cell cell in some)
                Try(cell, () => workers.Of(cell)?.Answer<WarmReady>());
        }

        for (int round = 1; round <= rounds; round++)
        {
            Progress.Show($"{bout.Name}: warm, round {round} of {rounds}");
            foreach ((Cell cell, WorkerProcess worker) in workers.All.Where(pair => pair.Cell.Failure is null))
                Try(cell, () => cell.WarmRounds.Add(worker.Ask<RoundTime>("round").NsPerOp));
        }
    }

    /// <summary>As many at a time as there are processors for, where nothing is timed for a figure.</summary>
    private IEnumerable<Cell[]> Abreast(IEnumerable<Cell> cells) => cells.Chunk(Math.Max(1, Environment.ProcessorCount / bout.Threads));

    private static string Names(IEnumerable<Cell> cells) => string.Join(" and ", cells.Select(cell => cell.Allocator.Name));

    /// <summary>What one allocator cannot do ends its own measurement and not that of the others.</summary>
    private void Try(Cell cell, Action measure)
    {
        if (cell.Failure is not null)
            return;
        try
        {
            measure();
        }
        catch (WorkerException broken)
        {
            Progress.Clear();
            Console.Error.WriteLine(broken.Message);
            cell.Failure = $"{bout.Name}, {cell.Allocator.Name}: {broken.Message}";
        }
    }

    private T RunOnce<T>(Cell cell, string verb)
    {
        using WorkerProcess worker = Start(cell, verb, fresh);
        return worker.Answer<T>();
    }

    private WorkerProcess Start(Cell cell, string verb, WorkerBuild build) => new(
        [verb, cell.Allocator.Name, bout.Workload.Key, bout.Threads.ToString(CultureInfo.InvariantCulture)],
        cell.Allocator.Environment,
        build);

    /// <summary>The child processes that are alive.</summary>
    private sealed class WorkerSet : IDisposable
    {
        private readonly List<(Cell Cell, WorkerProcess Worker)> _all = [];

        public IReadOnlyList<(Cell Cell, WorkerProcess Worker)> All => _all;

        public WorkerProcess Add(Cell cell, WorkerProcess worker)
        {
            _all.Add((cell, worker));
            return worker;
        }

        public WorkerProcess? Of(Cell cell) => _all.Find(pair => pair.Cell == cell).Worker;

        public void Dispose()
        {
            foreach ((_, WorkerProcess worker) in _all)
                worker.Dispose();
        }
    }
}
