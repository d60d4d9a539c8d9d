using SpanHeap.Perf.Allocators;
using SpanHeap.Perf.Measurement;
using SpanHeap.Perf.Recordings;

namespace SpanHeap.Perf.Replay;

/// <summary>Child process: warms one allocator up on one trace and then times a round whenever it is asked to.</summary>
internal sealed class WarmWorker(string path) : IAllocatorVisitor
{
    private readonly AllocationTrace _trace = TraceReader.Read(path);

    public int Visit<T>() where T : struct, IAllocator<T>, allows ref struct
    {
        var replayer = new Replayer(_trace.SlotCount);
        // The replayer checks each block as it frees it.
        new WarmRounds(() => replayer.Run<T>(_trace.Operations), check: () => { }, _trace.Operations.Length).Serve();
        return 0;
    }
}
