using SpanHeap.Perf.Measurement;

namespace SpanHeap.Perf.Compare.Workers;

/// <summary>Child process: warms up and then times a round whenever it is asked to.</summary>
internal sealed class WarmWorkload(string workload, string threads) : WorkloadWorker(workload, threads)
{
    public const string Verb = "compare-warm";

    protected override void Measure(Steps steps)
    {
        steps.Fill();
        var rounds = new WarmRounds(steps.Run, steps.Workload.Verify, steps.Workload.Operations)
        {
            // There are many workloads, and their passes call the slow paths far more often than a short recording does.
            WarmUpTime = (TimeSpan.FromSeconds(1.2), TimeSpan.FromSeconds(2)),
            Round = TimeSpan.FromMilliseconds(40),
        };
        rounds.Serve();
        steps.Drain();
    }
}
