using SpanHeap.Perf.Allocators;
using SpanHeap.Perf.Measurement;

namespace SpanHeap.Perf.Replay;

/// <summary>Runs the child processes. Rounds go A B A B, so that what disturbs the machine disturbs all.</summary>
/// <param name="traces">What they replay.</param>
/// <param name="allocators">The allocators that are measured.</param>
/// <param name="rounds">The number of rounds.</param>
/// <param name="fresh">The build for processes that are measured in their first operations. Warm rounds are those of code that was compiled as it ran.</param>
internal sealed class ReplaySeries(IReadOnlyList<TraceSummary> traces, IReadOnlyList<AllocatorEntry> allocators, int rounds, WorkerBuild fresh)
{
    private readonly ReplayResult[] _results =
        [.. traces.SelectMany(_ => allocators, (trace, allocator) => new ReplayResult(trace, allocator))];

    public IReadOnlyList<ReplayResult> Measure()
    {
        for (int round = 1; round <= rounds; round++)
        {
            foreach (ReplayResult result in _results)
            {
                result.ColdRounds.Add(RunOnce<RoundTime>(result, "cold", $", process {round} of {rounds}").NsPerOp);
            }
        }

        foreach (ReplayResult result in _results)
        {
            result.Peak = RunOnce<PeakMemory>(result, "peak", "");
        }

        foreach (IGrouping<TraceSummary, ReplayResult> group in _results.GroupBy(result => result.Trace))
        {
            MeasureWarm([.. group]);
        }

        return _results;
    }

    private void MeasureWarm(ReplayResult[] results)
    {
        List<WorkerProcess> workers = [];
        try
        {
            foreach (ReplayResult result in results)
            {
                Progress.Show($"{result.Trace.Name}: {result.Allocator.Name} warms up");
                WorkerProcess worker = Start(result, "warm", WorkerBuild.Warming);
                workers.Add(worker);
                worker.Answer<WarmReady>();
            }

            for (int round = 1; round <= rounds; round++)
            {
                Progress.Show($"{results[0].Trace.Name}: warm, round {round} of {rounds}");
                foreach ((ReplayResult result, WorkerProcess worker) in results.Zip(workers))
                {
                    result.WarmRounds.Add(worker.Ask<RoundTime>("round").NsPerOp);
                }
            }
        }
        finally
        {
            foreach (WorkerProcess worker in workers)
            {
                worker.Dispose();
            }
        }
    }

    private T RunOnce<T>(ReplayResult result, string kind, string which)
    {
        Progress.Show($"{result.Trace.Name}: {result.Allocator.Name}, {kind}{which}");
        using WorkerProcess worker = Start(result, kind, fresh);
        return worker.Answer<T>();
    }

    private static WorkerProcess Start(ReplayResult result, string kind, WorkerBuild build) =>
        new([kind, result.Allocator.Key, result.Trace.Path], result.Allocator.Environment, build);
}
