using System.Runtime.CompilerServices;
using SpanHeap.Os;
using SpanHeap.Traced.Spans;

namespace SpanHeap.Traced.Roots;

/// <summary>The weak handles, which name blocks without keeping them alive.</summary>
/// <remarks>
/// <para>
/// The collector clears a handle once its block is known to be dead, before the block is swept. So no thread ever gets a dead block from a handle, or one
/// that was made in its place later.
/// </para>
/// <para>
/// While there are few handles, that is done with the gate closed. Many are <em>judged</em> while threads go on: from the moment when marks are complete
/// until all handles are cleared, one whose block is not marked names nothing for its readers either. What is made meanwhile is marked, and no thread has an
/// unmarked block. So a handle that is made then names a marked block and stays, and a slot from which an unmarked block has gone never gets it again: the
/// collector clears by compare-exchange, and takes nothing from the slot's next handle.
/// </para>
/// </remarks>
internal sealed unsafe class WeakTable(MetadataAllocator metadata, OsMemory os) : HandleTable(metadata, os)
{
    private const int NotJudged = -1;

    // Written by the collector, read by any thread.
    private long _cleared;

    // The bitmap with the marks while handles are judged by them. Written under the lock, while no thread is in a scope; read in scopes or under the lock,
    // which keeps blocks from being swept between a look at this and one at a mark.
    private int _judgedBy = NotJudged;

    /// <summary>The number of handles whose block died before they were disposed.</summary>
    public long Cleared => Volatile.Read(ref _cleared);

    /// <summary>Whether the handles of unmarked blocks name nothing.</summary>
    public bool IsJudged => _judgedBy != NotJudged;

    protected override string SlotName => "weak slot";

    protected override string HandleName => "weak handle";

    /// <summary>From now on, the handles of unmarked blocks name nothing. Marks are complete, and the gate is closed.</summary>
    public void BeginJudging(uint bitmap) => Judge((int)bitmap);

    /// <summary>Notes that the handles of all unmarked blocks are cleared, before these are swept. The gate is closed.</summary>
    public void EndJudging() => Judge(NotJudged);

    /// <summary>Whether a handle names nothing although this block is in its slot. Called in a scope or under the lock.</summary>
    public bool IsDead(nint block) => IsJudged && !TracedBits.IsSet(block, (uint)_judgedBy);

    /// <summary>Clears the handles of unmarked blocks. Marks are complete, and the gate is closed or handles are judged.</summary>
    // Compiled with full optimization at once: it takes long in the first collection of a program, too, and the heap grows meanwhile.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void ClearDead(uint bitmap)
    {
        long cleared = 0;
        SlotWalk slots = new(this);
        while (slots.MoveNext())
        {
            nint block = Volatile.Read(ref slots.Current->Block);
            if (block != 0 && !TracedBits.IsSet(block, bitmap))
            {
                InterleavingPoints.At(InterleavingPoint.DeadHandleFound);
                cleared += Interlocked.CompareExchange(ref slots.Current->Block, 0, block) == block ? 1 : 0;
            }
        }

        Volatile.Write(ref _cleared, _cleared + cleared);
    }

    protected override bool IsNamed(nint block) => block != 0 && !IsDead(block);

    private void Judge(int bitmap)
    {
        Lock.Enter();
        _judgedBy = bitmap;
        Lock.Exit();
    }
}
