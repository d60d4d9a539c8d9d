using System.Diagnostics;
using SpanHeap.Perf.Measurement;

namespace SpanHeap.Perf.Compare.Workers;

/// <summary>Child process: times the first pass of a fresh process, the blocks that stay live included and, in the ordinary build, the JIT.</summary>
internal sealed class ColdWorkload(string workload, string threads) : WorkloadWorker(workload, threads)
{
    public const string Verb = "compare-cold";

    protected override void Measure(Steps steps)
    {
        long start = Stopwatch.GetTimestamp();
        steps.Fill();
        steps.Run();
        TimeSpan time = Stopwatch.GetElapsedTime(start);

        steps.Workload.Verify();
        steps.Drain();
        WorkerProtocol.Send(new RoundTime(time.TotalNanoseconds / steps.Workload.Operations));
    }
}
