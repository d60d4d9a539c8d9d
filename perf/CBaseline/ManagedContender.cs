using SpanHeap.Perf.Allocators;
using SpanHeap.Perf.Compare.Workers;
using SpanHeap.Perf.Measurement;

namespace SpanHeap.Perf.CBaseline;

/// <summary>This program, called from C#, on the same workload as the C program.</summary>
internal sealed class ManagedContender : IContender
{
    private const string OneThread = "1";

    private readonly WorkerProcess _worker;

    public ManagedContender(AllocatorEntry allocator, string workload)
    {
        _worker = new WorkerProcess([WarmWorkload.Verb, allocator.Key, workload, OneThread], allocator.Environment, WorkerBuild.Warming);
        try
        {
            _worker.Answer<WarmReady>();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public double Round() => _worker.Ask<RoundTime>("round").NsPerOp;

    public void Dispose() => _worker.Dispose();
}
