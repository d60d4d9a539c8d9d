using SpanHeap.Os;
using SpanHeap.Traced.Spans;

namespace SpanHeap.Traced.Roots;

/// <summary>The weak handles, which name blocks without keeping them alive.</summary>
/// <remarks>
/// The collector clears a handle as soon as its block is known to be dead, while the gate is still closed. So no thread ever gets a dead block from
/// a handle, or one that was made in its place later. Handles are made in scopes, so none is made meanwhile.
/// </remarks>
internal sealed unsafe class WeakTable(MetadataAllocator metadata, OsMemory os) : HandleTable(metadata, os)
{
    // Written by the collector, read by any thread.
    private long _cleared;

    /// <summary>The number of handles whose block died before they were disposed.</summary>
    public long Cleared => Volatile.Read(ref _cleared);

    protected override string SlotName => "weak slot";

    protected override string HandleName => "weak handle";

    /// <summary>Clears the handles of unmarked blocks. Marking is complete, and the gate is closed.</summary>
    public void ClearDead(uint bitmap)
    {
        long cleared = 0;
        SlotWalk slots = new(this);
        while (slots.MoveNext())
        {
            nint block = Volatile.Read(ref slots.Current->Block);
            if (block != 0 && !TracedBits.IsSet(block, bitmap))
            {
                // A thread that disposes the handle at the same time writes the same.
                Volatile.Write(ref slots.Current->Block, 0);
                cleared++;
            }
        }

        Volatile.Write(ref _cleared, _cleared + cleared);
    }
}
