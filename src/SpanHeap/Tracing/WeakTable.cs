using SpanHeap.Os;
using SpanHeap.Spans;

namespace SpanHeap.Tracing;

/// <summary>Weak handles: they name blocks and keep none.</summary>
/// <remarks>
/// The collector makes them name nothing as soon as their block is known to be dead: while the gate is still closed, so that no thread
/// ever gets a dead block out of one, and none that was made in its slot later. Handles are made in scopes, so none is made meanwhile.
/// </remarks>
internal sealed unsafe class WeakTable(MetadataAllocator metadata, OsMemory os) : HandleTable(metadata, os)
{
    // Written by the collector, read by anybody.
    private long _cleared;

    /// <summary>Handles whose block died before they did.</summary>
    public long Cleared => Volatile.Read(ref _cleared);

    protected override string SlotName => "weak slot";

    protected override string HandleName => "weak handle";

    /// <summary>Clears the handles of blocks that have no mark. Marking is complete, and the gate is closed.</summary>
    public void ClearDead(uint plane)
    {
        long cleared = 0;
        SlotWalk slots = new(this);
        while (slots.MoveNext())
        {
            nint block = Volatile.Read(ref slots.Current->Block);
            if (block != 0 && !TracedBits.IsSet(block, plane))
            {
                // A thread that disposes the handle at the same time writes the same.
                Volatile.Write(ref slots.Current->Block, 0);
                cleared++;
            }
        }

        Volatile.Write(ref _cleared, _cleared + cleared);
    }
}
