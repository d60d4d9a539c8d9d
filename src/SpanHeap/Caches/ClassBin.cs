using System.Runtime.InteropServices;
using SpanHeap.Os;
using SpanHeap.Spans;

namespace SpanHeap.Caches;

/// <summary>What backs a class's stack in one cache: its depot of magazines, and its spans with free slots.</summary>
/// <remarks>All fields are guarded by the cache's lock.</remarks>
[StructLayout(LayoutKind.Sequential, Size = 192)]
internal unsafe struct ClassBin
{
    /// <summary>The number of magazines that are kept before blocks go back to their spans.</summary>
    public const int DepotSize = 16;

    /// <summary>
    /// The spans of this cache with free slots, refilled from the head. The span whose first slot was freed last stands there: its memory was in use
    /// a moment ago and is still in the processor's caches, while that of the others may stay cold. At the tail are spans whose memory was given back
    /// and spans that are wholly free.
    /// </summary>
    public IntrusiveList<Span> List;

    /// <summary>
    /// The number of blocks of this cache's spans that are in use or parked anywhere. Meaningless for classes of one block per span.
    /// </summary>
    public long Outstanding;

    /// <summary>The number of spans of the class that this cache owns, full ones included. Meaningless for classes of one block per span.</summary>
    public int Spans;

    /// <summary>The number of magazines in the depot, the newest last.</summary>
    public short DepotCount;

    /// <summary>
    /// How many times in a row the stack was full without having been empty. The program then frees, and will hardly want all of those blocks back.
    /// </summary>
    public short Overflows;

    /// <summary>The number of blocks in the depot, including those that are parked below the base of the stack.</summary>
    public int DepotBlocks;

    /// <summary>The number of listed spans without a block in use.</summary>
    public int EmptySpans;

    /// <summary>The heap's tick when a slow path last came here. Maintenance drains what has not been used for a tick.</summary>
    public uint UsedAt;

    /// <summary>What the scavenger had forgotten when it last came here.</summary>
    public uint ForgottenAt;

    /// <summary>The walks over the spans that are in progress.</summary>
    public ScavengeWalk* Walks;

    // When the scavenger's last walk for idle spans began, and the low bits of the number of blocks in use or parked at that time. 0 if the walk met
    // a span that was used recently.
    private uint _settledAt;
    private uint _settledOutstanding;

    private fixed long _depot[DepotSize];

    public readonly Span* Head => List.First;

    public readonly Span* Tail => List.Last;

    public Magazine* this[int index]
    {
        readonly get => (Magazine*)_depot[index];
        set => _depot[index] = (long)value;
    }

    /// <summary>
    /// Whether nothing has happened to the spans since the scavenger's last walk for idle spans, which left nothing to do. A refill shows in the
    /// tick; a return without a refill shows in the number of blocks that are out.
    /// </summary>
    public readonly bool IsSettled => UsedAt < _settledAt && (uint)Outstanding == _settledOutstanding;

    /// <summary>Notes that the scavenger begins a walk for idle spans.</summary>
    public void BeginSettling(uint now)
    {
        _settledAt = now;
        _settledOutstanding = (uint)Outstanding;
    }

    /// <summary>Notes that the walk has left something to do.</summary>
    public void EndSettling() => _settledAt = 0;

    public void Push(Magazine* magazine)
    {
        Invariant.Assert(DepotCount < DepotSize && magazine->Count is > 0 and <= Magazine.Capacity, "The depot has room for the magazine, which has blocks.");
        this[DepotCount++] = magazine;
        DepotBlocks += magazine->Count;
    }

    public Magazine* Pop()
    {
        Invariant.Assert(DepotCount > 0, "The depot has a magazine.");
        Magazine* newest = this[--DepotCount];
        DepotBlocks -= newest->Count;
        Invariant.Assert(DepotBlocks >= 0, "A depot counts the blocks in it.");
        return newest;
    }

    /// <summary>Takes the oldest magazine out of the depot.</summary>
    public Magazine* TakeOldest()
    {
        Invariant.Assert(DepotCount > 0, "The depot has a magazine.");
        Magazine* oldest = this[0];
        DepotBlocks -= oldest->Count;
        DepotCount--;
        for (int i = 0; i < DepotCount; i++)
        {
            this[i] = this[i + 1];
        }

        return oldest;
    }

    public void AddFirst(Span* span)
    {
        Invariant.Assert(!span->Listed && span->FreeSlots > 0, "A span that comes into the list has free slots.");
        List.AddFirst(span);
        span->Listed = true;
    }

    public void AddLast(Span* span)
    {
        Invariant.Assert(!span->Listed && span->FreeSlots > 0, "A span that comes into the list has free slots.");
        List.AddLast(span);
        span->Listed = true;
    }

    public void Remove(Span* span)
    {
        Invariant.Assert(span->Listed, "A span that leaves the list is in it.");
        if (Walks != null)
        {
            ScavengeWalk.NoteLeaving(Walks, span);
        }

        List.Remove(span);
        span->Listed = false;
    }
}
