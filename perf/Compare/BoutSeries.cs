using System.Globalization;
using SpanHeap.Perf.Compare.Workers;
using SpanHeap.Perf.Measurement;

namespace SpanHeap.Perf.Compare;

/// <summary>Runs the child processes of a bout. Rounds go A B C A B C, so that what disturbs the machine disturbs all.</summary>
internal sealed class BoutSeries(Bout bout, int rounds)
{
    /// <summary>A cold figure costs a process; three tell what a disturbed one is.</summary>
    private const int MostColdRounds = 3;

    // The limit has nothing that warms up or goes back: it is a bound for the warm time alone.
    private readonly Cell[] _allocators = [.. bout.Cells.Where(cell => !cell.Allocator.IsLimit)];

    public void Measure()
    {
        int coldRounds = Math.Min(rounds, MostColdRounds);
        for (int round = 1; round <= coldRounds; round++)
        {
            Progress.Show($"{bout.Name}: cold, process {round} of {coldRounds}");
            foreach (Cell cell in _allocators)
                Try(cell, () => cell.ColdRounds.Add(RunOnce<RoundTime>(cell, ColdWorkload.Verb).NsPerOp));
        }

        MeasureMemory();
        MeasureWarm();
    }

    /// <summary>The peaks one after the other; then all sleep at the same time.</summary>
    private void MeasureMemory()
    {
        using var workers = new WorkerSet();
        foreach (Cell cell in _allocators)
        {
            Progress.Show($"{bout.Name}: {cell.Allocator.Name}, memory");
            Try(cell, () => cell.PeakBytes = workers.Add(cell, Start(cell, MemoryWorkload.Verb)).Answer<PeakMemory>().Bytes);
            if (!bout.ShowsIdle)
                workers.Remove(cell);
        }

        foreach ((Cell cell, WorkerProcess worker) in workers.All)
            Try(cell, () => cell.IdleBytes = worker.Answer<IdleMemory>().Bytes);
    }

    private void MeasureWarm()
    {
        using var workers = new WorkerSet();
        // As many warm up at a time as there are processors for; nothing is timed for a figure meanwhile.
        foreach (Cell[] some in bout.Cells.Chunk(Math.Max(1, Environment.ProcessorCount / bout.Threads)))
        {
            Progress.Show($"{bout.Name}: {string.Join(" and ", some.Select(cell => cell.Allocator.Name))} warm up");
            foreach (Cell cell in some)
                Try(cell, () => workers.Add(cell, Start(cell, WarmWorkload.Verb)));
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
        using WorkerProcess worker = Start(cell, verb);
        return worker.Answer<T>();
    }

    private WorkerProcess Start(Cell cell, string verb) => new(
        [verb, cell.Allocator.Name, bout.Workload.Key, bout.Threads.ToString(CultureInfo.InvariantCulture)],
        cell.Allocator.Environment);

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

        public void Remove(Cell cell)
        {
            Of(cell)?.Dispose();
            _all.RemoveAll(pair => pair.Cell == cell);
        }

        public void Dispose()
        {
            foreach ((_, WorkerProcess worker) in _all)
                worker.Dispose();
        }
    }
}
