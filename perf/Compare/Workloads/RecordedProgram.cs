using SpanHeap.Perf.Recordings;
using SpanHeap.Perf.Replay;

namespace SpanHeap.Perf.Compare.Workloads;

/// <summary>What a real program asked of malloc, as <c>replay</c> does it.</summary>
internal sealed class RecordedProgram(AllocationTrace trace) : Workload(threads: 1)
{
    /// <summary>What names of recordings begin with.</summary>
    public const string Prefix = "trace:";

    private const uint HugeSize = 1 << 20;

    private readonly Replayer _replayer = new(trace.SlotCount);

    public override long Operations => trace.Operations.Length;

    public override Needs Needs { get; } = trace.Operations.Any(operation => operation.Size > HugeSize) ? Needs.Huge : Needs.Nothing;

    public static WorkloadEntry Entry(string path)
    {
        string full = Path.GetFullPath(path);
        AllocationTrace? read = null;
        return new WorkloadEntry(Prefix + TraceFile.NameOf(path), "recorded with heaptrack", [1], _ => new RecordedProgram(read ??= TraceReader.Read(full)))
        {
            Key = Prefix + full,
        };
    }

    public override void Run<T>() => _replayer.Run<T>(trace.Operations);

    /// <summary>The replayer checks each block as it frees it.</summary>
    public override void Verify() { }
}
