using SpanHeap.Perf.Allocators;
using SpanHeap.Perf.Measurement;

namespace SpanHeap.Perf.CBaseline;

/// <summary>Runs the processes, both sides in turn within each round, so that what disturbs the machine disturbs all.</summary>
internal sealed class BaselineSeries(
    CProgram program, IReadOnlyList<AllocatorEntry> managed, IReadOnlyList<AllocatorEntry> peers, int rounds)
{
    public IReadOnlyList<BaselineResult> Measure(BaselineWorkload workload)
    {
        BaselineResult[] results =
        [
            .. managed.Select(allocator => new BaselineResult(workload, allocator, InC: false)),
            .. peers.Select(allocator => new BaselineResult(workload, allocator, InC: true)),
        ];
        List<IContender> contenders = [];
        try
        {
            foreach (BaselineResult result in results)
            {
                Progress.Show($"{workload.Name}: {result.Name} warms up");
                contenders.Add(Start(result));
            }

            for (int round = 1; round <= rounds; round++)
            {
                Progress.Show($"{workload.Name}: round {round} of {rounds}");
                foreach ((BaselineResult result, IContender contender) in results.Zip(contenders))
                {
                    result.Rounds.Add(contender.Round());
                }
            }
        }
        finally
        {
            foreach (IContender contender in contenders)
            {
                contender.Dispose();
            }
        }

        return results;
    }

    private IContender Start(BaselineResult result) => result.InC
        ? result.Workload.StartC(program, result.Allocator)
        : result.Workload.StartManaged(result.Allocator);
}
