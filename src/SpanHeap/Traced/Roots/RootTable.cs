using SpanHeap.Os;

namespace SpanHeap.Traced.Roots;

/// <summary>The roots that keep blocks alive: strong handles and root arrays.</summary>
internal sealed class RootTable(MetadataAllocator metadata, OsMemory os) : HandleTable(metadata, os)
{
    public RootArrays Arrays { get; } = new();

    protected override string SlotName => "root";

    protected override string HandleName => "handle";

    /// <summary>Shows every root, and what messages call it. No thread is in a scope, or none uses the heap.</summary>
    public override void Show(Action<string, nint> visit)
    {
        base.Show(visit);
        Arrays.Show(visit);
    }
}
