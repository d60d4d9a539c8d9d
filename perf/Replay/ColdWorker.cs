using System.Diagnostics;
using SpanHeap.Perf.Allocators;
using SpanHeap.Perf.Measurement;
using SpanHeap.Perf.Recordings;

namespace SpanHeap.Perf.Replay;

/// <summary>Child process: times the first operations of a fresh process. In a build that is not compiled ahead this includes the JIT.</summary>
internal sealed class ColdWorker(string path) : IAllocatorVisitor
{
    public const int MaxOperations = 100_000;

    private readonly AllocationTrace _trace = TraceReader.Read(path, MaxOperations);

    public int Visit<T>() where T : struct, IAllocator<T>, allows ref struct
    {
        var replayer = new Replayer(_trace.SlotCount);
        // Brings the operations and the slots into the caches. Nothing of the allocator has been called yet. Where the JIT compiles, the loop around
        // it is compiled anew for it, inside the time.
        replayer.Run<NullAllocator>(_trace.Recorded);

        long start = Stopwatch.GetTimestamp();
        replayer.Run<T>(_trace.Recorded);
        TimeSpan time = Stopwatch.GetElapsedTime(start);

        WorkerProtocol.Send(new RoundTime(time.TotalNanoseconds / _trace.RecordedCount));
        return 0;
    }
}
