using System.Globalization;
using SpanHeap.Perf.Allocators;
using SpanHeap.Perf.Measurement;

namespace SpanHeap.Perf.Endurance;

/// <summary>Child process: one scenario with one allocator.</summary>
internal sealed class EnduranceWorker(string scenario, string blocks) : IAllocatorVisitor
{
    public int Visit<T>() where T : struct, IAllocator<T>, allows ref struct
    {
        WorkerProtocol.Send(ScenarioCatalog.Find(scenario).Run<T>(long.Parse(blocks, CultureInfo.InvariantCulture)));
        return 0;
    }
}
