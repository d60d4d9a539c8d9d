using SpanHeap.Os;

namespace SpanHeap.Tracing;

/// <summary>What keeps blocks alive: strong handles and root arrays.</summary>
internal sealed unsafe class RootTable(MetadataAllocator metadata, OsMemory os) : HandleTable(metadata, os)
{
    public RootArrays Arrays { get; } = new();

    protected override string SlotName => "root";

    protected override string HandleName => "handle";

    /// <summary>Shows every root, and what messages call it. No thread is in a scope, or nobody uses the heap.</summary>
    public override void Show(Action<string, nint> visit)
    {
        base.Show(visit);
        Arrays.Show(visit);
    }

    /// <summary>
    /// Gives a marker every root. No thread is in a scope, so no slot is taken or set; handles and arrays may go meanwhile, and
    /// what they named is then kept once more.
    /// </summary>
    public void VisitAll(Marker marker)
    {
        SlotWalk slots = new(this);
        while (slots.MoveNext())
        {
            marker.Visit(Volatile.Read(ref slots.Current->Block));
        }

        Arrays.VisitAll(marker);
    }
}
