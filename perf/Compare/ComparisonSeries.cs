using System.Globalization;
using SpanHeap.Perf.Compare.Workers;
using SpanHeap.Perf.Measurement;

namespace SpanHeap.Perf.Compare;

/// <summary>Runs the child processes of a comparison. Rounds go A B C A B C, so that what disturbs the machine disturbs all.</summary>
/// <param name="comparison">The comparison.</param>
/// <param name="rounds">How many warm rounds, of which noisy rows have more.</param>
/// <param name="fresh">What is started where a fresh process is what is measured. Warm rounds need none: all is compiled by then, at tier 1.</param>
internal sealed class ComparisonSeries(Comparison comparison, int rounds, WorkerBuild fresh)
{
    /// <summary>How many times the rounds of others a row has whose single rounds differ by a factor.</summary>
    private const int NoisyFactor = 3;

    /// <summary>A cold figure costs a process, and three are enough to recognize a disturbed one.</summary>
    private const int MostColdRounds = 3;

    // The limit has nothing that warms up or goes back: it is a bound for the warm time alone.
    private readonly CompareResult[] _allocators = [.. comparison.Results.Where(result => !result.Allocator.IsLimit)];

    /// <summary>How many warm rounds a row has, where one that is not noisy has the given number.</summary>
    public static int WarmRounds(Comparison comparison, int rounds) => comparison.Workload.IsNoisy ? NoisyFactor * rounds : rounds;

    public void Measure()
    {
        int coldRounds = comparison.RunsAlone ? 1 : Math.Min(rounds, MostColdRounds);
        for (int round = 1; round <= coldRounds; round++)
        {
            Progress.Show($"{comparison.Name}: cold, process {round} of {coldRounds}");
            foreach (CompareResult result in _allocators)
            {
                Try(result, () => result.ColdRounds.Add(RunOnce<RoundTime>(result, ColdWorkload.Verb).NsPerOp));
            }
        }

        foreach (IReadOnlyList<CompareResult> results in SideBySide(_allocators))
        {
            MeasureMemory(results);
        }

        foreach (IReadOnlyList<CompareResult> results in SideBySide(comparison.Results))
        {
            MeasureWarm(results);
        }
    }

    /// <summary>All allocators at once, or one after the other where memory would not suffice for all.</summary>
    private IEnumerable<IReadOnlyList<CompareResult>> SideBySide(IReadOnlyList<CompareResult> results) =>
        comparison.RunsAlone ? results.Chunk(1) : [results];

    /// <summary>Measures memory, which does not depend on what else runs. The processes whose idle memory is measured sleep at the same time.</summary>
    private void MeasureMemory(IReadOnlyList<CompareResult> results)
    {
        using var workers = new WorkerSet();
        foreach (CompareResult[] some in Abreast(results))
        {
            Progress.Show($"{comparison.Name}: memory of {Names(some)}");
            foreach (CompareResult result in some)
            {
                Try(result, () => workers.Add(result, Start(result, MemoryWorkload.Verb, fresh)));
            }

            foreach (CompareResult result in some)
            {
                Try(result, () => result.PeakBytes = workers.Of(result)?.Answer<PeakMemory>().Bytes);
            }
        }

        foreach ((CompareResult result, WorkerProcess worker) in workers.All.Where(_ => comparison.ShowsIdle))
        {
            Try(result, () => result.IdleBytes = worker.Answer<IdleMemory>().Bytes);
        }
    }

    private void MeasureWarm(IReadOnlyList<CompareResult> results)
    {
        using var workers = new WorkerSet();
        foreach (CompareResult[] some in Abreast(results))
        {
            Progress.Show($"{comparison.Name}: warm-up of {Names(some)}");
            foreach (CompareResult result in some)
            {
                Try(result, () => workers.Add(result, Start(result, WarmWorkload.Verb, WorkerBuild.Warming)));
            }

            foreach (CompareResult result in some)
            {
                Try(result, () => workers.Of(result)?.Answer<WarmReady>());
            }
        }

        int warmRounds = WarmRounds(comparison, rounds);
        for (int round = 1; round <= warmRounds; round++)
        {
            Progress.Show($"{comparison.Name}: warm, round {round} of {warmRounds}");
            foreach ((CompareResult result, WorkerProcess worker) in workers.All.Where(pair => pair.Result.Failure is null))
            {
                Try(result, () => result.WarmRounds.Add(worker.Ask<RoundTime>("round").NsPerOp));
            }
        }
    }

    /// <summary>As many at a time as there are processors for, where nothing is timed for a figure.</summary>
    private IEnumerable<CompareResult[]> Abreast(IEnumerable<CompareResult> results) =>
        results.Chunk(Math.Max(1, Environment.ProcessorCount / comparison.Threads));

    private static string Names(IEnumerable<CompareResult> results) => string.Join(" and ", results.Select(result => result.Allocator.Name));

    /// <summary>What one allocator cannot do ends its own measurement and not that of the others.</summary>
    private void Try(CompareResult result, Action measure)
    {
        if (result.Failure is not null)
        {
            return;
        }

        try
        {
            measure();
        }
        catch (WorkerException broken)
        {
            Progress.Clear();
            Console.Error.WriteLine(broken.Message);
            result.Failure = $"{comparison.Name}, {result.Allocator.Name}: {broken.Message}";
        }
    }

    private T RunOnce<T>(CompareResult result, string verb)
    {
        using WorkerProcess worker = Start(result, verb, fresh);
        return worker.Answer<T>();
    }

    private WorkerProcess Start(CompareResult result, string verb, WorkerBuild build) => new(
        [verb, result.Allocator.Key, comparison.Workload.Key, comparison.Threads.ToString(CultureInfo.InvariantCulture)],
        result.Allocator.Environment,
        build);

    /// <summary>The child processes that are alive.</summary>
    private sealed class WorkerSet : IDisposable
    {
        private readonly List<(CompareResult Result, WorkerProcess Worker)> _all = [];

        public IReadOnlyList<(CompareResult Result, WorkerProcess Worker)> All => _all;

        public WorkerProcess Add(CompareResult result, WorkerProcess worker)
        {
            _all.Add((result, worker));
            return worker;
        }

        public WorkerProcess? Of(CompareResult result) => _all.Find(pair => pair.Result == result).Worker;

        public void Dispose()
        {
            foreach ((_, WorkerProcess worker) in _all)
            {
                worker.Dispose();
            }
        }
    }
}
