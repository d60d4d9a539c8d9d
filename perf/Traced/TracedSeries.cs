using System.Globalization;
using SpanHeap.Perf.Measurement;
using SpanHeap.Perf.Traced.Workers;

namespace SpanHeap.Perf.Traced;

/// <summary>Runs the processes. Rounds go A B C A B C, so that what disturbs the machine disturbs all.</summary>
internal static class TracedSeries
{
    public static void Measure(IReadOnlyList<TracedResult> results, GoProgram? go, int rounds)
    {
        for (int round = 1; round <= rounds; round++)
        {
            foreach (TracedResult result in results)
            {
                Progress.Show($"{result.Workload.Name}: {result.Allocator.Name}, round {round} of {rounds}");
                result.Runs.Add(result.Allocator.Name == TracedAllocator.Go ? go!.Run<TracedRun>(result.Workload.TreeDepth!.Value.ToString(CultureInfo.InvariantCulture)) : RunWorker(result));
            }
        }
    }

    private static TracedRun RunWorker(TracedResult result)
    {
        using var worker = new WorkerProcess([TracedWorker.Verb, result.Allocator.Name, result.Workload.Name], []);
        return worker.Answer<TracedRun>();
    }
}
