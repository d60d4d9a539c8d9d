using SpanHeap.Perf.Measurement;

namespace SpanHeap.Perf.Compare.Workers;

/// <summary>Child process: how far the first pass lifts the resident memory, and what of it is left some time after the last free.</summary>
internal sealed class MemoryWorkload(string workload, string threads) : WorkloadWorker(workload, threads)
{
    public const string Verb = "compare-memory";

    private static readonly TimeSpan s_idle = TimeSpan.FromSeconds(3);

    protected override void Measure(Steps steps)
    {
        PeakMeter peak = PeakMeter.Start();
        steps.Fill();
        steps.Run();
        long? bytes = peak.Bytes;
        long? ownBytes = steps.OwnResidentBytes();
        steps.Workload.Verify();
        steps.Drain();
        WorkerProtocol.Send(new PeakMemory(bytes, ownBytes));
        if (!steps.Workload.ShowsIdle)
        {
            return;
        }

        Thread.Sleep(s_idle);
        WorkerProtocol.Send(new IdleMemory(peak.ResidentBytes));
    }
}
