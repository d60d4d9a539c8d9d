using SpanHeap.Perf.Allocators;
using SpanHeap.Perf.Measurement;
using SpanHeap.Perf.Recordings;

namespace SpanHeap.Perf.Replay;

/// <summary>Child process: how far one replay lifts the resident memory of a fresh process.</summary>
internal sealed class PeakWorker(string path) : IAllocatorVisitor
{
    private readonly AllocationTrace _trace = TraceReader.Read(path);

    public int Visit<T>() where T : struct, IAllocator<T>, allows ref struct
    {
        var replayer = new Replayer(_trace.SlotCount);
        replayer.Run<NullAllocator>(_trace.Operations);

        PeakMeter peak = PeakMeter.Start();
        replayer.Run<T>(_trace.Recorded);
        long? peakBytes = peak.Bytes;

        long? ownBytes = T.OwnResidentBytes;
        replayer.Run<T>(_trace.Leftover);
        WorkerProtocol.Send(new PeakMemory(peakBytes, ownBytes));
        return 0;
    }
}
